"""A mailbox over IMAP: opened for reading only until its messages are committed, then they are moved or left alone.

A batch is fetched without setting flags, committed by the caller, written down as committed, and only then moved. A
process that is killed anywhere in between finds on its next start what is left to do: what was not written down is
fetched again (and known by its content), what was written down is moved without being fetched.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from leaktrace.keys import Keyring
from leaktrace.mailroom.sources import FoundMessage
from leaktrace.mailroom.ways.asked import ImapAsked
from leaktrace.mailroom.ways.interface import Batch, Stop, Tell, pause
from leaktrace.mailroom.ways.positions import Positions, State
from leaktrace.mailroom.ways.session import LISTING_COUNT, LostConnection, Session
from leaktrace.settings import Settings

_BATCH_COUNT = 100
_BATCH_BYTES = 32 << 20
_LONGEST_PAUSE_SECONDS = 300.0


@dataclass(slots=True)
class _Reading:
    """One session's knowledge of the mailbox."""

    session: Session
    uidvalidity: int
    known: dict[int, State]
    sizes: dict[int, int]
    """UID -> bytes of what is in the mailbox and neither committed nor left, as listed so far."""
    highest: int = 0
    idles: bool = True


class ImapMailbox:
    """A mailbox on an IMAP server. `folder`: where the workspace keeps its mail."""

    def __init__(self, asked: ImapAsked, folder: Path, keyring: Keyring, settings: Settings) -> None:
        self._asked = asked
        self._settings = settings
        name = f"imap {asked.user}@{asked.host}:{asked.port}/{asked.folder}"
        self._mailbox = keyring.feature_hash(name)
        self._folder = folder
        self._file = f"imap-{self._mailbox}"
        """What the messages' file is called; the mailbox's own name may be somebody's address."""

    def batches(self, *, stop: Stop, tell: Tell) -> Generator[Batch, None, None]:
        """New messages; without `follow` those that are there now. A lost connection is made anew when following."""
        positions = Positions(self._folder, self._mailbox)
        pause_seconds, reached = 1.0, False
        try:
            while True:
                try:
                    with self._session() as session:
                        reached, pause_seconds = True, 1.0
                        yield from self._batches_of(session, positions, stop)
                        return
                except LostConnection as lost:
                    if not (self._asked.follow and reached):
                        raise
                    tell(f"{lost.message} Next try in {pause_seconds:.0f} s.")
                pause(pause_seconds, stop)
                if stop():
                    return
                pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
        finally:
            positions.close()

    def _session(self) -> Session:
        return Session(
            self._asked,
            timeout_seconds=self._settings.imap_timeout_seconds,
            ceiling_bytes=self._settings.message_ceiling_bytes,
        )

    def _batches_of(self, session: Session, positions: Positions, stop: Stop) -> Iterator[Batch]:
        selected = session.examine(self._asked.folder)
        positions.begin(selected.uidvalidity)
        reading = _Reading(session, selected.uidvalidity, positions.known(), {})
        self._list_all(reading, positions, selected.count)
        self._dispose(reading, positions)
        while True:
            for sizes in _chunks(reading.sizes, self._settings.message_ceiling_bytes):
                if stop():
                    return
                found, states = self._fetch(reading, sizes)
                if found:
                    yield Batch(found, settle=lambda states=states: self._settle(reading, positions, states))  # type: ignore[misc]
                    self._dispose(reading, positions)
            reading.sizes.clear()
            if not self._asked.follow or stop():
                return
            # What came before the folder was opened again after a move counts as there: no server tells of it.
            self._note(reading, session.list_after(reading.highest))
            if not reading.sizes:
                reading.idles = session.wait(self._settings.imap_poll_seconds, stop, may_idle=reading.idles)
                if not stop():
                    self._note(reading, session.list_after(reading.highest))

    def _list_all(self, reading: _Reading, positions: Positions, count: int) -> None:
        """Lists the whole mailbox, page by page; what is known but no longer there is forgotten."""
        present: dict[int, int] = {}
        for first in range(1, count + 1, LISTING_COUNT):
            present |= reading.session.list_sizes(first, min(first + LISTING_COUNT - 1, count))
        self._note(reading, present)
        if gone := [uid for uid in reading.known if uid not in present]:
            positions.forget(gone)
            for uid in gone:
                del reading.known[uid]

    def _note(self, reading: _Reading, present: dict[int, int]) -> None:
        reading.highest = max(reading.highest, *present, 0)
        reading.sizes |= {uid: size for uid, size in sorted(present.items()) if uid not in reading.known}

    def _fetch(
        self, reading: _Reading, sizes: dict[int, int]
    ) -> tuple[tuple[FoundMessage, ...], tuple[tuple[int, State], ...]]:
        """The messages of one chunk, and what is known of each once they are committed."""
        ceiling = self._settings.message_ceiling_bytes
        found: dict[int, FoundMessage] = {}
        for uid, size in sizes.items():
            if size > ceiling and (message := reading.session.fetch_oversize(uid, size, self._file)) is not None:
                found[uid] = message
        if small := {uid: size for uid, size in sizes.items() if size <= ceiling}:
            found |= reading.session.fetch(small, self._file)
        states: list[tuple[int, State]] = [
            (uid, "left" if message.raw is None else "committed") for uid, message in sorted(found.items())
        ]
        return tuple(found[uid] for uid, _ in states), tuple(states)

    def _settle(self, reading: _Reading, positions: Positions, states: tuple[tuple[int, State], ...]) -> None:
        positions.mark(states)
        reading.known.update(states)

    def _dispose(self, reading: _Reading, positions: Positions) -> None:
        """Moves what is committed, where that was asked for; what was too large stays."""
        if self._asked.move_to is None:
            return
        committed = [uid for uid, state in reading.known.items() if state == "committed"]
        for first in range(0, len(committed), _BATCH_COUNT):
            some = committed[first : first + _BATCH_COUNT]
            reading.session.move(some, self._asked.folder, self._asked.move_to, reading.uidvalidity)
            positions.forget(some)
            for uid in some:
                del reading.known[uid]


def _chunks(sizes: dict[int, int], ceiling: int) -> Iterator[dict[int, int]]:
    """UIDs in order, so many at a time that they can be held in memory."""
    chunk: dict[int, int] = {}
    held = 0
    for uid, size in sorted(sizes.items()):
        weight = min(size, ceiling)
        if chunk and (len(chunk) >= _BATCH_COUNT or held + weight > _BATCH_BYTES):
            yield chunk
            chunk, held = {}, 0
        chunk[uid] = size
        held += weight
    if chunk:
        yield chunk
