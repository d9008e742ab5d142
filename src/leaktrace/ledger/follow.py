"""Follows a growing file or standard input: batch after batch, each durable, each line once.

Kill it at any moment and start it again: a file goes on where its last committed batch ends. A file that was rotated
is read to its end before the new one; one that was truncated begins at zero, once the rest of its copy is taken where
there is one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from leaktrace.errors import LedgerError, UsageError
from leaktrace.ledger.batcher import Around, Batcher, OnlyWriter, Pace
from leaktrace.ledger.batches import LineTaker, Target, lines_of
from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.followed import Entry, MovedOnError
from leaktrace.ledger.formats import AskedFormat, BadFileError, format_of
from leaktrace.ledger.intake import report_of
from leaktrace.ledger.interface import Cost, Progress, tell_cost
from leaktrace.ledger.linecutting import header_of
from leaktrace.ledger.parts import mark_of, mark_of_stream
from leaktrace.ledger.prefixes import (
    Beginning,
    identity_of,
    is_packed,
    later_generations,
    longest_beginning,
    sibling_that_begins,
)
from leaktrace.ledger.rawrows import HEAD_BYTES
from leaktrace.ledger.replay import Replay
from leaktrace.ledger.schema import TableSchema
from leaktrace.ledger.stores import Stores
from leaktrace.ledger.tail import FileTail, RestOfFile, Seen, StreamTail, Tail
from leaktrace.records import IngestReport


@dataclass(frozen=True, slots=True)
class StreamAsked:
    """How standard input is followed."""

    handle: int = 0
    name: str | None = None
    """The name under which its lines are counted over several runs."""
    skip_committed: bool = False
    """The stream is replayed from its first line on: what is committed of it is passed over."""


@dataclass(frozen=True, slots=True)
class FollowAsked:
    """What is followed into which table, and how."""

    schema: TableSchema
    source: Path | StreamAsked
    format: AskedFormat
    pace: Pace


def follow(
    asked: FollowAsked,
    stores: Callable[[], Stores],
    only_writer: OnlyWriter,
    around: Around,
    progress: Progress,
) -> IngestReport:
    """Follows until a stop is asked for or a stream ends, and says what came of it."""
    following: FileFollower | StreamFollower
    if isinstance(asked.source, Path):
        following = FileFollower(asked, asked.source, stores, only_writer, around, progress)
    else:
        following = StreamFollower(asked, asked.source, stores, only_writer, around, progress)
    following.run()
    return following.report()


class Following:
    """What following a file and following a stream have in common."""

    def __init__(
        self,
        asked: FollowAsked,
        shown: Path,
        mark: str,
        stores: Callable[[], Stores],
        only_writer: OnlyWriter,
        around: Around,
        progress: Progress,
    ) -> None:
        self.shown, self.mark, self.pace = shown, mark, asked.pace.checked()
        self.around, self.progress, self._began = around, progress, around.clock()
        first = stores()
        self.catalog: Catalog = first.catalog
        file_format = format_of(shown, asked.format.name, asked.format.options)
        rejects_file = first.folder / "rejects" / f"{asked.schema.name}-{mark[:8]}.ndjson"
        self.target = Target(stores, asked.schema, file_format, lines_of(shown, file_format), rejects_file, _untold)
        memory_bytes = first.settings.ingest_memory_megabytes * 1_000_000
        self.batcher = Batcher(self.target, self.pace, around, only_writer, memory_bytes)
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        """Remembers something for people, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def new_entry(self, identity: str) -> Entry:
        """An entry that nothing was taken of."""
        return Entry(0, self.target.schema.name, self.mark, identity, 0, 0, 0, "")

    def pump(self, tail: Tail) -> Seen | None:
        """Reads a source once and commits what is due; None where there was something to read."""
        seen = tail.read()
        if isinstance(seen, bytes):
            self.batcher.feed(seen)
        self.batcher.commit()
        self._tell(tail.share())
        return None if isinstance(seen, bytes) else seen

    def _tell(self, done_share: float | None) -> None:
        taken = self.batcher.taken
        row_count = taken.accepted_count + taken.rejected_count
        cost = Cost(row_count, taken.rejected_count, self.around.clock() - self._began, done_share)
        tell_cost(self.progress, f"following {self.shown.name}", cost)

    def drain(self, tail: Tail) -> bool:
        """Takes all that a source still has, its last line as it stands; False where a stop was asked for before."""
        try:
            while not self.around.stop():
                if self.pump(tail) is Seen.END:
                    self.batcher.finish_line()
                    self.batcher.commit(everything=True)
                    return True
            self.batcher.commit(everything=True)
            return False
        finally:
            tail.close()

    def report(self) -> IngestReport:
        """What came of it."""
        report = report_of(self.target.schema, [self.batcher.taken], self.target.rejects_file)
        line_count = self.batcher.taker.entry.line_count
        return replace(
            report,
            notes=(*report.notes, *self.notes),
            batch_count=self.batcher.batch_count,
            committed_line_count=line_count,
        )


class FileFollower(Following):
    """Follows one file by its name."""

    def __init__(
        self,
        asked: FollowAsked,
        path: Path,
        stores: Callable[[], Stores],
        only_writer: OnlyWriter,
        around: Around,
        progress: Progress,
    ) -> None:
        super().__init__(asked, path, mark_of(path, stores().keyring), stores, only_writer, around, progress)
        self._tail: FileTail
        self._quiet_since: float | None = None

    def run(self) -> None:
        """Takes lines until a stop is asked for."""
        while True:
            try:
                if self._begin():
                    self._run()
            except MovedOnError:
                continue  # somebody else took lines of this file: look again how far it is
            return

    # --- beginning ----------------------------------------------------------------------------------

    def _begin(self) -> bool:
        """Finds out how far the file is taken; False where a stop was asked for before."""
        entries = self.catalog.followed(self.target.schema.name)
        mine = [entry for entry in entries if entry.mark == self.mark and not entry.whole]
        self.batcher.begin(LineTaker(self.target, self.shown, self.new_entry(""), highest_id=0))
        while mine and not self.shown.exists():
            if self.around.stop():
                return False
            self.around.sleep(self.pace.poll_seconds)
        tail, beginning = self._opened()
        if mine and (beginning is None or beginning.entry.id != mine[-1].id) and not self._take_rest(mine[-1]):
            tail.close()
            return False
        self._start(tail, beginning, lenient=bool(mine))
        return True

    def _opened(self) -> tuple[FileTail, Beginning | None]:
        """The file where its untaken part begins; looked at again where its name changes hands meanwhile."""
        while True:
            identity = identity_of(self.shown)
            beginning = longest_beginning(self.shown, None, self._candidates(self.shown), self.progress)
            tail = FileTail(self.shown, beginning.entry.taken_bytes if beginning else 0)
            if tail.identity == identity:
                return tail, beginning
            tail.close()

    def _candidates(self, path: Path) -> Sequence[Entry]:
        entries = self.catalog.followed(self.target.schema.name)
        return _with_rows(path, entries) if self.target.lines.has_header else entries

    def _start(self, tail: FileTail, beginning: Beginning | None, *, lenient: bool) -> None:
        self._tail, self._quiet_since = tail, None
        taker = self._taker(self.shown, tail.identity, beginning)
        taker.may_lack_columns = taker.may_lack_columns or lenient
        if beginning and self.target.lines.has_header:
            taker.header = header_of(_head_of(self.shown))
        self.batcher.begin(taker)

    def _taker(self, path: Path, identity: str, beginning: Beginning | None) -> LineTaker:
        if beginning is None:
            entry, highest = self.new_entry(identity), self.catalog.highest_followed()
            return LineTaker(self.target, path, entry, highest_id=highest)
        entry = replace(
            beginning.entry, mark=self.mark, identity=identity, line_count=beginning.line_count, whole=False
        )
        return LineTaker(self.target, path, entry, highest_id=None, beginning=beginning)

    def _take_rest(self, latest: Entry) -> bool:
        """Of the file that was followed before, what was not taken; False where a stop was asked for before its end."""
        found = sibling_that_begins(self.shown, latest, self.progress)
        if found is None:
            self.note(
                f"The file that was {self.shown.name} before is not beside it any more, or is packed. Ingest it from"
                f" where it is now: what comes after its first {latest.row_count} rows is taken, if there is more."
            )
            return True
        sibling, beginning = found
        self._begin_rest(sibling, latest.identity, beginning)
        done = self.drain(RestOfFile(sibling, None, latest.taken_bytes))
        return done and self._take_between(identity_of(sibling), sibling.stat().st_mtime_ns)

    def _take_between(self, identity: str, modified_ns: int) -> bool:
        """Takes the files that had the name between one and the present one; False where a stop was asked for."""
        for path in later_generations(self.shown, identity, modified_ns):
            if is_packed(path):
                self.note(f"{path} may be a log of the time between that was not followed. Ingest it if it is one.")
                continue
            beginning = longest_beginning(path, None, self._candidates(path), self.progress)
            self._begin_rest(path, identity_of(path), beginning)
            if not self.drain(RestOfFile(path, None, beginning.entry.taken_bytes if beginning else 0)):
                return False
        return True

    def _begin_rest(self, path: Path, identity: str, beginning: Beginning | None) -> None:
        taker = self._taker(path, identity, beginning)
        taker.may_lack_columns = True
        if beginning and self.target.lines.has_header:
            taker.header = header_of(_head_of(path))
        self.batcher.begin(taker)

    # --- running ------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self.around.stop():
                seen = self.pump(self._tail)
                if seen is None:
                    self._quiet_since = None
                elif seen is Seen.CUT:
                    self._was_truncated()
                elif not (seen is Seen.REPLACED and self._is_done_with()):
                    self.around.sleep(self.pace.poll_seconds)
            self.batcher.commit(everything=True)
        finally:
            self._tail.close()

    def _is_done_with(self) -> bool:
        """Goes on with the file that has the name now, once the one that had it is quiet."""
        now = self.around.clock()
        self._quiet_since = now if self._quiet_since is None else self._quiet_since
        if now - self._quiet_since < self.pace.quiet_seconds:
            return False
        self.batcher.commit(everything=True)
        try:
            tail, beginning = self._opened()
        except BadFileError:
            if self.shown.exists():
                raise
            return False  # it was taken away again
        if beginning is None or beginning.entry.id != self.batcher.taker.entry.id:
            # Else it is the same log written anew, as rsync does it: its last line may have its end there.
            self.batcher.finish_line()
            self.batcher.commit(everything=True)
            if not self._take_between(self._tail.identity, self._tail.modified_ns):
                tail.close()
                return True
        self._tail.close()
        self._start(tail, beginning, lenient=True)
        return True

    def _was_truncated(self) -> None:
        """The complete lines that were read stay; then it is as at the beginning, the copy's rest first."""
        self.batcher.commit(everything=True)
        self._tail.close()
        self._begin()


class StreamFollower(Following):
    """Follows standard input."""

    def __init__(
        self,
        asked: FollowAsked,
        stream: StreamAsked,
        stores: Callable[[], Stores],
        only_writer: OnlyWriter,
        around: Around,
        progress: Progress,
    ) -> None:
        if asked.format.name is None:
            raise UsageError("Standard input has no name that says its format.", "Say it: --format ndjson.")
        if stream.skip_committed and stream.name is None:
            raise UsageError("--skip-committed needs the stream's name.", "Say it: --stream NAME.")
        mark = mark_of_stream(stream.name or secrets.token_hex(16), stores().keyring)
        super().__init__(asked, Path("standard input"), mark, stores, only_writer, around, progress)
        self._stream = stream

    def run(self) -> None:
        """Takes lines until the stream ends or a stop is asked for."""
        mine = [one for one in self.catalog.followed(self.target.schema.name) if one.mark == self.mark]
        entry = mine[-1] if mine else self.new_entry("")
        highest = None if mine else self.catalog.highest_followed()
        self.batcher.begin(LineTaker.of_stream(self.target, self.shown, entry, highest_id=highest))
        if self._stream.skip_committed and mine:
            self.batcher.pass_over(Replay(self.catalog.followed_batches(entry.id)))
        tail, seen = StreamTail(self._stream.handle, self.pace.poll_seconds), None
        while seen is not Seen.END and not self.around.stop():
            seen = self.pump(tail)
        if seen is Seen.END:
            self.batcher.finish_line(end=b"\n")
        self.batcher.commit(everything=True)
        count = self.batcher.taker.entry.line_count
        self.note(f"{count} lines of the stream are committed; a producer that goes on begins with line {count + 1}.")


def _untold(what: str, done: int, total: int | None) -> None:
    """A batch is too small to tell of."""


def _head_of(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    except OSError as error:
        raise BadFileError(
            f"{path}: it cannot be read: {error.strerror}.", "Check the path and your permissions."
        ) from error


def _with_rows(path: Path, entries: Sequence[Entry]) -> Sequence[Entry]:
    """Those of the entries that went beyond the header that this file has."""
    try:
        header = header_of(_head_of(path))
    except (UnicodeDecodeError, LedgerError):
        return ()  # whoever reads the header says so
    return [entry for entry in entries if header is not None and entry.taken_bytes >= len(header.text)]
