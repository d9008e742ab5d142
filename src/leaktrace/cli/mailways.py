"""Where `mail` takes its messages from, as the options say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from leaktrace.errors import UsageError
from leaktrace.mailroom.ways import FollowAsked, WayAsked, imap_asked, listen_asked, read_password


@dataclass(frozen=True, slots=True)
class WayOptions:
    """The options as given."""

    follow: bool = False
    every_seconds: float | None = None
    imap: str | None = None
    imap_password_file: Path | None = None
    imap_ca_file: Path | None = None
    move_to: str | None = None
    leave: bool = False
    listen: str | None = None
    acknowledge: bool | None = None

    def asked(self, paths: Sequence[Path], environment: Mapping[str, str], *, inspect: bool) -> WayAsked | None:
        """The way in; None: the files that are there now. UsageError for what does not go together."""
        given = [name for name, is_given in (("--imap", self.imap), ("--listen", self.listen)) if is_given is not None]
        if len(given) + bool(paths) != 1:
            raise UsageError(
                "Mail comes from one place at a time." if given or paths else "No mail is named.",
                "Name files and folders, or --imap URL, or --listen URL.",
            )
        if inspect and (given or self.follow):
            raise UsageError("--inspect looks at files that are there now.", "Leave the other options out.")
        if self.imap is None:
            self._refuse_imap_options()
        if self.every_seconds is not None and (not self.follow or given):
            raise UsageError("--every-seconds goes with --follow and files.", "Add --follow, or leave it out.")
        if self.acknowledge and not (given or self.follow):
            raise UsageError(
                "Only mail that comes in is acknowledged.", "--acknowledge goes with --imap, --listen or --follow."
            )
        if self.imap is not None:
            return self._imap(self.imap, environment)
        if self.listen is not None:
            return listen_asked(self.listen)
        return self._followed(paths) if self.follow else None

    def _refuse_imap_options(self) -> None:
        if self.leave or any(one is not None for one in (self.imap_password_file, self.imap_ca_file, self.move_to)):
            raise UsageError(
                "--imap-password-file, --imap-ca-file, --move-to and --leave go with --imap.", "Add --imap URL."
            )

    def _imap(self, url: str, environment: Mapping[str, str]) -> WayAsked:
        if self.leave and self.move_to is not None:
            raise UsageError("Stored mail is either moved or left.", "Give --move-to or --leave.")
        asked = imap_asked(url, move_to=self.move_to, follow=self.follow, ca_file=self.imap_ca_file)
        return replace(asked, password=read_password(self.imap_password_file, environment))

    def _followed(self, paths: Sequence[Path]) -> FollowAsked:
        every = 5.0 if self.every_seconds is None else self.every_seconds
        if not 0.01 <= every <= 86400:
            raise UsageError("--every-seconds lies between 0.01 and 86400.", "5 seconds are the default.")
        return FollowAsked(tuple(paths), every)
