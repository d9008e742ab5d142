"""Ways in as a person asks for them: IMAP and listener URLs taken apart, what does not go together refused."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from leaktrace.errors import MailError, UsageError
from leaktrace.secretfiles import ReadByOthersError, only_owner, read_secret

PASSWORD_VARIABLE = "LEAKTRACE_IMAP_PASSWORD"  # noqa: S105 - the name of a variable, no password
_IMAP_PORTS = {"imap": 143, "imaps": 993}
_LISTENER_PORTS = {"lmtp": 24, "smtp": 25}
_LISTENER_HINT = "As lmtp://127.0.0.1:2424, lmtp+unix:/run/leaktrace/lmtp.sock or smtp://127.0.0.1:2525."
_IMAP_HINT = "As imaps://abuse%40market.example@mail.market.example/INBOX (a percent sign and 40 stand for the @)."
_PASSWORD_CEILING_BYTES = 4096


@dataclass(frozen=True, slots=True)
class ImapAsked:
    """A mailbox on an IMAP server, and what becomes of its messages once they are stored."""

    user: str
    host: str
    port: int
    tls: bool
    """TLS from the first byte; without it STARTTLS, which only a server on loopback may lack."""
    folder: str = "INBOX"
    move_to: str | None = None
    """Folder that stored messages are moved to, made where there is none; None: they stay, unchanged."""
    follow: bool = False
    ca_file: Path | None = None
    """Certificates that the server's must be signed by; None: the system's."""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ListenAsked:
    """Where to listen for mail that a mail system hands over."""

    protocol: Literal["lmtp", "smtp"]
    host: str = "127.0.0.1"
    port: int = 24
    socket: Path | None = None
    """A Unix socket instead of host and port."""

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.socket is not None or is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class FollowAsked:
    """Mailboxes and folders on this machine that are looked at again and again."""

    paths: tuple[Path, ...]
    every_seconds: float = 5.0


WayAsked = ImapAsked | ListenAsked | FollowAsked


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or its address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def imap_asked(
    url: str,
    *,
    move_to: str | None = None,
    follow: bool = False,
    ca_file: Path | None = None,
) -> ImapAsked:
    """Takes `imaps://user@host:port/FOLDER` apart (RFC 5092); UsageError for what is no such URL or holds a password.

    No error repeats what was given: it may hold a password.
    """
    parts, port = _split(url, tuple(_IMAP_PORTS), _IMAP_HINT)
    user, colon, _ = parts.netloc.rpartition("@")[0].partition(":")
    if colon:
        raise UsageError(
            "A password in the URL can be read by everybody on this machine.",
            f"Put it into a file (0600) and name that with --imap-password-file, or into ${PASSWORD_VARIABLE}.",
        )
    if not user or not parts.hostname or parts.query or parts.fragment:
        raise UsageError("The IMAP URL names no user or no host, or says more than a folder.", _IMAP_HINT)
    folder = unquote(parts.path.removeprefix("/")) or "INBOX"
    if move_to is not None and (not move_to.strip() or move_to == folder):
        raise UsageError("Stored mail cannot be moved to the folder it comes from.", "Name another with --move-to.")
    if any(ord(character) < 32 for text in (user, folder, move_to or "") for character in unquote(text)):
        raise UsageError("User and folders are written without control characters.", _IMAP_HINT)
    return ImapAsked(
        user=unquote(user),
        host=parts.hostname,
        port=port or _IMAP_PORTS[parts.scheme],
        tls=parts.scheme == "imaps",
        folder=folder,
        move_to=move_to,
        follow=follow,
        ca_file=ca_file,
    )


def listen_asked(url: str) -> ListenAsked:
    """Takes `lmtp://host:port`, `lmtp+unix:/path` or `smtp://host:port` apart; without a host it is loopback."""
    if url.startswith("lmtp+unix:"):
        path = unquote(url.removeprefix("lmtp+unix:").removeprefix("//"))
        if not path.startswith("/") or len(os.fsencode(path)) > 100:
            raise UsageError("A Unix socket is named by its whole path, of at most 100 bytes.", _LISTENER_HINT)
        return ListenAsked("lmtp", socket=Path(path))
    parts, port = _split(url, tuple(_LISTENER_PORTS), _LISTENER_HINT)
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError("A listener is a host and a port, and nothing else.", _LISTENER_HINT)
    protocol: Literal["lmtp", "smtp"] = "lmtp" if parts.scheme == "lmtp" else "smtp"
    return ListenAsked(protocol, parts.hostname or "127.0.0.1", _LISTENER_PORTS[protocol] if port is None else port)


def _split(url: str, schemes: tuple[str, ...], hint: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("The URL cannot be taken apart: its host or its port is none.", hint) from None
    if parts.scheme not in schemes:
        raise UsageError(f"The URL does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}.", hint)
    return parts, port


def read_password(file: Path | None, environment: Mapping[str, str]) -> str:
    """The password: first line of a file that only its owner can read, else `LEAKTRACE_IMAP_PASSWORD`."""
    if file is None:
        found = environment.get(PASSWORD_VARIABLE, "")
        if not found:
            raise UsageError(
                "No password for the IMAP server is given.",
                f"Name a file (0600) with --imap-password-file, or set ${PASSWORD_VARIABLE}.",
            )
        return found
    try:
        content = read_secret(file, _PASSWORD_CEILING_BYTES)
    except OSError as error:
        raise MailError(f"The password file {file} cannot be read: {error.strerror}.", "Check its path.") from error
    except ReadByOthersError as error:
        raise UsageError(f"The password file {file} can be read by others.", f"{only_owner(file)}.") from error
    lines = content.decode("utf-8", "surrogateescape").splitlines()
    if not lines or not lines[0]:
        raise UsageError(f"The password file {file} is empty.", "Its first line is the password.")
    return lines[0]
