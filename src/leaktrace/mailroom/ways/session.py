"""One session with an IMAP server (RFC 3501): the only place that speaks with it, with ceilings on what it may say.

The server is not believed: a literal larger than what was asked for, or an endless answer, ends the session. Errors of
the library and of the network become `LostConnection` (worth another try) or MailError (not) here and nowhere else.
"""

from __future__ import annotations

import contextlib
import hashlib
import imaplib
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imapclient import IMAPClient, SocketTimeout  # type: ignore[import-untyped]
from imapclient.exceptions import IMAPClientError, LoginError  # type: ignore[import-untyped]

from leaktrace.errors import MailError
from leaktrace.mailroom.sources import FoundMessage
from leaktrace.mailroom.ways.asked import ImapAsked, is_loopback
from leaktrace.mailroom.ways.interface import STEP_SECONDS, Stop, pause

LISTING_COUNT = 500
"""Messages listed with one command: servers take lines of 8,192 bytes (RFC 7162, section 4), some no longer ones."""
_ANSWER_SLACK_BYTES = 16 << 20
_PIECE_BYTES = 1 << 20
_BEGINNING_BYTES = 100_000
_IDLE_SECONDS = 25 * 60.0
"""A client ends IDLE at least every 29 minutes (RFC 2177, section 3)."""


class LostConnection(MailError):  # noqa: N818 - it is what happened, and worth another try
    """The server went away or answered what is no IMAP; the same can be tried again."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A folder as it was opened."""

    uidvalidity: int
    count: int


class _Bounded(IMAPClient):  # type: ignore[misc]
    """A client that reads no more than it was told to expect."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.left_bytes = _ANSWER_SLACK_BYTES
        super().__init__(*arguments, **named)

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - the library's name
        made: imaplib.IMAP4 = super()._create_IMAP4()
        read, readline = made.read, made.readline

        def bounded_read(size: int) -> bytes:
            self._spend(size)
            return read(size)

        def bounded_readline() -> bytes:
            line = readline()
            self._spend(len(line))
            return line

        made.read, made.readline = bounded_read, bounded_readline  # type: ignore[method-assign]
        return made

    def _spend(self, size_bytes: int) -> None:
        self.left_bytes -= size_bytes
        if self.left_bytes < 0:
            raise imaplib.IMAP4.abort("the answer is longer than anything that was asked for")


class Session:
    """A connection that is logged in. Close it, or use it with `with`."""

    def __init__(self, asked: ImapAsked, *, timeout_seconds: float, ceiling_bytes: int) -> None:
        self._where = f"The IMAP server {asked.host}:{asked.port}"
        self._ceiling_bytes = ceiling_bytes
        context = _tls_context(asked)
        with self._speaking():
            self._client = _Bounded(
                asked.host,
                port=asked.port,
                ssl=asked.tls,
                ssl_context=context,
                timeout=SocketTimeout(timeout_seconds, timeout_seconds),
            )
        try:
            if not asked.tls:
                self._secure(asked, context)
            with self._speaking():
                self._log_in(asked)
            with self._speaking():
                self._abilities = {str(name, "ascii", "replace").upper() for name in self._client.capabilities()}
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the session without expunging anything."""
        with contextlib.suppress(OSError, IMAPClientError):
            self._client.shutdown()

    def examine(self, folder: str) -> Selected:
        """Opens a folder for reading only (EXAMINE)."""
        return self._select(folder, readonly=True)

    def list_sizes(self, first: int, last: int) -> dict[int, int]:
        """UID -> size in bytes of the messages with these sequence numbers."""
        with self._speaking(), self._by_number():
            return _sizes(self._client.fetch(range(first, last + 1), ["UID", "RFC822.SIZE"]))

    def list_after(self, uid: int) -> dict[int, int]:
        """UID -> size in bytes of the messages with a higher UID."""
        with self._speaking():
            # `*` is the last message, so `n:*` also gives one below n (RFC 3501, section 6.4.8).
            new = sorted({one for one in self._client.search(["UID", f"{uid + 1}:*"]) if one > uid})
        found: dict[int, int] = {}
        for first in range(0, len(new), LISTING_COUNT):
            with self._speaking():
                found |= _sizes(self._client.fetch(new[first : first + LISTING_COUNT], ["RFC822.SIZE"]))
        return found

    def fetch(self, sizes: Mapping[int, int], name: str) -> dict[int, FoundMessage]:
        """UID -> message, flags left as they are (BODY.PEEK); those that the server no longer has are missing."""
        with self._speaking(sum(sizes.values()) * 2):
            answer = self._client.fetch(sorted(sizes), ["BODY.PEEK[]"])
        found = {}
        for uid in sizes:
            raw = answer.get(uid, {}).get(b"BODY[]")
            if isinstance(raw, bytes) and raw:
                found[uid] = _found(raw, name, self._ceiling_bytes)
        return found

    def fetch_oversize(self, uid: int, size_bytes: int, name: str) -> FoundMessage | None:
        """Digest, size and beginning of a message over the ceiling, read in pieces; None where it is gone."""
        digest, beginning, offset = hashlib.sha256(), b"", 0
        while offset < size_bytes:
            with self._speaking(_PIECE_BYTES * 2):
                answer = self._client.fetch([uid], [f"BODY.PEEK[]<{offset}.{_PIECE_BYTES}>"]).get(uid, {})
            piece = answer.get(f"BODY[]<{offset}>".encode())
            if not isinstance(piece, bytes) or not piece:
                break
            digest.update(piece)
            beginning += piece[: max(_BEGINNING_BYTES - len(beginning), 0)]
            offset += len(piece)
        return FoundMessage(name, 0, None, digest.hexdigest(), offset, beginning) if offset else None

    def move(self, uids: Sequence[int], source: str, target: str, uidvalidity: int) -> None:
        """Moves messages of `source` to `target`, made where there is none; afterwards `source` is open for reading.

        Where the server has no MOVE (RFC 6851), what was copied is marked and only that is expunged (RFC 4315).
        Where it cannot expunge single messages and others are marked too, ours stay marked: nobody else's are expunged.
        """
        with self._speaking():
            if not self._client.folder_exists(target):
                self._client.create_folder(target)
        if self._select(source, readonly=False).uidvalidity != uidvalidity:
            raise LostConnection(f"{self._where} numbers the messages of {source} anew.", "They are read again.")
        with self._speaking():
            if "MOVE" in self._abilities:
                self._client.move(uids, target)
            else:
                self._copy_and_expunge(uids, target)
        self.examine(source)

    def wait(self, seconds: float, stop: Stop, *, may_idle: bool) -> bool:
        """Waits so long, or until the server tells of new mail (IDLE); True while it can do that."""
        if may_idle and "IDLE" in self._abilities:
            with self._speaking():
                if self._begins_idle():
                    self._idle(min(seconds, _IDLE_SECONDS), stop)
                    self._client.idle_done()
                    return True
        pause(seconds, stop)
        if not stop():
            with self._speaking():
                self._client.noop()
        return False

    # --- inside -------------------------------------------------------------------------------------------

    def _begins_idle(self) -> bool:
        try:
            self._client.idle()
        except imaplib.IMAP4.abort:
            raise
        except IMAPClientError:
            return False  # said to be able to, and refuses: polling serves
        return True

    def _idle(self, seconds: float, stop: Stop) -> None:
        until = time.monotonic() + seconds
        while not stop() and time.monotonic() < until:
            self._client.left_bytes = _ANSWER_SLACK_BYTES
            began = time.monotonic()
            told = self._client.idle_check(timeout=STEP_SECONDS)
            # The library says nothing of a connection that ended: it answers at once. Ending IDLE then shows it.
            is_early = not told and time.monotonic() - began < STEP_SECONDS / 2
            if is_early or any(len(one) > 1 and one[1] in (b"EXISTS", b"RECENT") for one in told):
                return

    def _secure(self, asked: ImapAsked, context: ssl.SSLContext) -> None:
        """STARTTLS; a server that lacks it is spoken to in the clear on loopback only."""
        with self._speaking():
            if self._client.has_capability("STARTTLS"):
                self._client.starttls(context)
                return
        if not is_loopback(asked.host):
            raise MailError(
                f"{self._where} offers no TLS, so the password and the mail would go in the clear.",
                "Use imaps://, or have STARTTLS switched on at the server.",
            )

    def _log_in(self, asked: ImapAsked) -> None:
        try:
            if self._client.has_capability("AUTH=PLAIN"):
                self._client.plain_login(asked.user, asked.password)  # takes any letters; LOGIN takes ASCII only
            else:
                self._client.login(asked.user, asked.password)
        except UnicodeError:
            raise MailError(
                f"{self._where} takes no user or password with such letters.", "Use an app password in ASCII."
            ) from None
        except LoginError as error:
            # The library says of a connection that broke off in between, too, that the log-in failed.
            if isinstance(error.__context__, imaplib.IMAP4.abort) or "[UNAVAILABLE]" in str(error).upper():
                raise LostConnection(f"{self._where} cannot check passwords now.", "Try again later.") from None
            # Not `from error`: servers repeat the user's name, which may be an address.
            raise MailError(
                f"{self._where} does not accept user and password.", "Check both; some servers want an app password."
            ) from None

    def _select(self, folder: str, *, readonly: bool) -> Selected:
        with self._speaking():
            answer = self._client.select_folder(folder, readonly=readonly)
        uidvalidity, count = answer.get(b"UIDVALIDITY"), answer.get(b"EXISTS")
        if not isinstance(uidvalidity, int) or not isinstance(count, int):
            raise MailError(
                f"{self._where} gives its folders no UIDVALIDITY.", "It cannot be followed; export an mbox."
            )
        return Selected(uidvalidity, count)

    def _copy_and_expunge(self, uids: Sequence[int], target: str) -> None:
        deleted = set(self._client.search(["DELETED"]))
        if waiting := [uid for uid in uids if uid not in deleted]:
            self._client.copy(waiting, target)
            self._client.add_flags(waiting, [b"\\Deleted"], silent=True)
        if "UIDPLUS" in self._abilities:
            self._client.uid_expunge(uids)
        elif not deleted - set(uids):
            self._client.expunge()

    @contextlib.contextmanager
    def _by_number(self) -> Iterator[None]:
        self._client.use_uid = False
        try:
            yield
        finally:
            self._client.use_uid = True

    @contextlib.contextmanager
    def _speaking(self, expected_bytes: int = 0) -> Iterator[None]:
        client = getattr(self, "_client", None)
        if client is not None:
            client.left_bytes = expected_bytes + _ANSWER_SLACK_BYTES
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise MailError(
                f"{self._where} shows a certificate that is not trusted: {error.verify_message}.",
                "Name the certificates of your own authority with --imap-ca-file, or mend the server's.",
            ) from error
        except (imaplib.IMAP4.abort, OSError) as error:
            raise LostConnection(
                f"{self._where} cannot be reached or broke off: {_reason(error)}.", "Check host, port and network."
            ) from error
        except IMAPClientError as error:
            raise MailError(f"{self._where} refused: {_reason(error)}.", "Check the folder and its rights.") from error
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
            # What the library's parser does with an answer that is no IMAP.
            raise LostConnection(f"{self._where} answers what is no IMAP.", "Check host and port.") from error


def _tls_context(asked: ImapAsked) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if asked.ca_file is None else str(asked.ca_file))
    except OSError as error:
        raise MailError(f"{asked.ca_file} holds no certificates that can be read.", "It is a PEM file.") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _sizes(answer: Mapping[int, Mapping[bytes, Any]]) -> dict[int, int]:
    found = {}
    for key, items in answer.items():
        uid, size = items.get(b"UID", key), items.get(b"RFC822.SIZE")
        if isinstance(uid, int) and isinstance(size, int):
            found[uid] = size
    return found


def _found(raw: bytes, name: str, ceiling_bytes: int) -> FoundMessage:
    """A server's word on a size is an estimate at some: the bytes themselves decide whether they are too many."""
    over = len(raw) > ceiling_bytes
    sha256 = hashlib.sha256(raw).hexdigest()
    return FoundMessage(name, 0, None if over else raw, sha256, len(raw), raw[:_BEGINNING_BYTES] if over else b"")


def _reason(error: BaseException) -> str:
    """One line of what a library says, short enough for a screen, without what looks like an address."""
    words = str(getattr(error, "strerror", None) or error).replace("\n", " ").split()
    return " ".join(word for word in words if "@" not in word and word.isprintable())[:200].rstrip(".") or "no reason"
