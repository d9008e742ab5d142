"""What a log can and cannot show for a window. Pure: small counts in, a judgement with its sentences out.

A gap is serious when it can hide a source. "Nobody inside" may be said only where no serious gap touches the last
180 days before the window's end and no bulk read showed the field, but such as somebody checked; "only these fields"
only where there were no bulk reads, and no accesses to fields that are not known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np

from leaktrace.instants import EPOCH, instant_at, moved
from leaktrace.ledger.catalogrecords import ClockStep, DayCount
from leaktrace.ledger.habit import Days, Silence, has_habit, is_surprising, silences
from leaktrace.ledger.times import DAY_MICROSECONDS
from leaktrace.records import EVERY_FIELD, CoverageGap, LogCoverage, Window
from leaktrace.settings import Settings

_RECENT = timedelta(days=180)
_SERIOUS_STEP = timedelta(days=1)
_SHOWN_PRINCIPALS = 50
_STRAY_SHARE, _STRAY_SHARE_SMALL, _STRAY_ROWS_SMALL, _STRAY_ROWS = 0.01, 0.1, 20, 2
"""Rows that a file's end or a stray line breaks: a hundredth, in a small file a tenth of up to 20, and always 2.
More of them may be all that somebody was shown."""


@dataclass(frozen=True, slots=True)
class BulkCount:
    """Reads of one principal by one tool that could not be tied to customers; no fields: not known which."""

    tool: str | None
    principal: str
    fields: tuple[str, ...]
    row_count: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class RejectedRows:
    """Rows of one file of accesses that could not be read, of all it has."""

    file_name: str
    rejected_count: int
    row_count: int


@dataclass(frozen=True, slots=True)
class LogFacts:
    """The counts that coverage is judged by; all within the window but for clock steps and principals."""

    day_counts: tuple[DayCount, ...]
    bulk_counts: tuple[BulkCount, ...]
    clock_steps: tuple[tuple[str, ClockStep], ...]
    unknown_principals: tuple[str, ...]
    """In the log, not in the principals table; empty where there is no such table."""
    spellings: tuple[tuple[str, ...], ...] = ()
    """Names in the log or the table that differ in capitals only, each group sorted."""
    rejected: tuple[RejectedRows, ...] = ()
    """Files of accesses with rows that could not be read, and that nothing mended since."""


def judge(facts: LogFacts, field: str, window: Window, settings: Settings) -> LogCoverage:
    """The gaps of the log in the window and what they allow to say."""
    counts = facts.day_counts
    gaps = (
        *_nothing_shown(counts, field, window),
        *_ends(counts, window, settings.log_gap_days),
        *_unknown_fields(counts, field),
        *_tool_gaps(counts, settings.log_gap_days, window),
        *_bulk_gaps(facts.bulk_counts, field, settings.checked_bulk_readers),
        *_clock_gaps(facts.clock_steps, window),
        *_unknown_gaps(facts.unknown_principals, window),
        *_spelling_gaps(facts.spellings, window),
        *_rejected_gaps(facts.rejected, settings.mended_files, window),
    )
    hiding = [gap for gap in gaps if gap.serious and (gap.kind == "bulk_read" or _is_recent(gap, window))]
    allows_fields = not (hiding or facts.bulk_counts or any(_shows_everything(c) for c in counts))
    return LogCoverage(
        window=window,
        first_access_at=instant_at(min(c.first_at for c in counts)) if counts else None,
        last_access_at=instant_at(max(c.last_at for c in counts)) if counts else None,
        access_count=sum(c.row_count for c in counts),
        tools=tuple(sorted({c.tool for c in counts if c.tool is not None})),
        gaps=gaps,
        allows_nobody=not hiding,
        allows_fields_statement=allows_fields,
        sentence=_verdict(gaps, allows_nobody=not hiding, allows_fields=allows_fields),
    )


def _verdict(gaps: Sequence[CoverageGap], *, allows_nobody: bool, allows_fields: bool) -> str:
    found = f"{len(gaps)} thing{'s' if len(gaps) > 1 else ''} to know about the log" if gaps else "No gap was found"
    if allows_nobody and allows_fields:
        return f"{found}; it allows both 'nobody inside' and 'only these fields' to be said."
    if allows_nobody:
        return f"{found}; it allows 'nobody inside' to be said, but not 'only these fields'."
    return f"{found}; a source could be hidden there, so neither 'nobody inside' nor 'only these fields' may be said."


def _is_recent(gap: CoverageGap, window: Window) -> bool:
    return window.end is None or gap.window.end is None or gap.window.end > moved(window.end, -_RECENT)


# --- days ---------------------------------------------------------------------------------------------


def _nothing_shown(counts: Sequence[DayCount], field: str, window: Window) -> Iterator[CoverageGap]:
    if not counts:
        yield CoverageGap("no_accesses", None, window, 0, "The log has no access in the window.")
    elif not any(field in c.fields.split(";") for c in counts):
        yield CoverageGap(
            "no_accesses", None, window, 0, f"No access in the window shows the field '{field}': is it logged at all?"
        )


def _shows_everything(count: DayCount) -> bool:
    return EVERY_FIELD in count.fields.split(";")


def _unknown_fields(counts: Sequence[DayCount], field: str) -> Iterator[CoverageGap]:
    """Accesses that showed every field there was, where the log does not say which those are."""
    open_ended = [c for c in counts if _shows_everything(c)]
    doubtful = [c for c in open_ended if field not in c.fields.split(";")]
    rows = sum(c.row_count for c in open_ended)
    uncounted = sum(c.row_count for c in doubtful)
    if rows:
        window = Window(
            instant_at(min(c.first_at for c in open_ended)), instant_at(max(c.last_at for c in open_ended) + 1)
        )
        yield CoverageGap(
            "unknown_fields", None, window, rows,
            f"{rows} access{'es' if rows > 1 else ''} showed every field of a record, without saying which those are"
            + (f"; {uncounted} may have shown '{field}' and are not counted." if doubtful else "."),
            serious=bool(doubtful),
        )  # fmt: skip


def _ends(counts: Sequence[DayCount], window: Window, least_days: int) -> Iterator[CoverageGap]:
    if not counts:
        return
    active = _active_days(counts)
    if window.start is not None and active[0] - _day(window.start) >= least_days:
        missing = Silence(_day(window.start), int(active[0]) - 1)
        yield CoverageGap(
            "log_starts_late", None, _window(missing), missing.day_count(),
            f"The log starts on {_date(active[0])}, {missing.day_count()} days after the window does: "
            "what was opened before is not known.",
            serious=False,
        )  # fmt: skip
    if window.end is None:
        return
    missing = Silence(int(active[-1]) + 1, _day(window.end) - 1)
    silent = is_surprising(missing, active, least_days) if has_habit(active) else missing.day_count() >= least_days
    if missing.day_count() > 0 and silent:
        yield CoverageGap(
            "log_ends_early", None, _window(missing), missing.day_count(),
            f"The log ends on {_date(active[-1])}, {missing.day_count()} days before the window does: "
            "what was opened after is not known.",
        )  # fmt: skip


def _tool_gaps(counts: Sequence[DayCount], least_days: int, window: Window) -> Iterator[CoverageGap]:
    if not counts:
        return
    log_end = int(_active_days(counts)[-1])
    for tool, *others in _tools(counts):
        active = _active_days([c for c in counts if c.tool in (tool, *others)])
        name = "The part of the log that names no tool" if tool is None else f"The tool {tool}"
        name += f" ({', '.join(map(str, others))} too)" if others else ""
        for run in silences(active, least_days):
            yield CoverageGap(
                "days_without_rows", tool, _window(run), run.day_count(),
                f"{name} wrote nothing from {_date(run.first)} to {_date(run.last)} ({run.day_count()} days), "
                "unlike its habit.",
            )  # fmt: skip
        stopped = Silence(int(active[-1]) + 1, log_end)
        if stopped.day_count() > 0 and is_surprising(stopped, active, least_days):
            stop = _midnight(stopped.first)
            yield CoverageGap(
                "tool_stopped", tool, _window(stopped), stopped.day_count(),
                f"{name} wrote nothing after {_date(active[-1])}, while the log goes on to {_date(log_end)}: "
                "was it retired, or did its log break off?",
                # one that was silent all the recent time was most likely retired
                serious=window.end is None or stop > moved(window.end, -_RECENT),
            )  # fmt: skip


def _tools(counts: Sequence[DayCount]) -> list[tuple[str | None, ...]]:
    """All spellings of each tool: names that differ only in capitals or blanks are one."""
    spellings: dict[str, list[str]] = {}
    for tool in sorted({count.tool for count in counts if count.tool is not None}):
        spellings.setdefault(" ".join(tool.casefold().split()), []).append(tool)
    unnamed: list[tuple[str | None, ...]] = [(None,)] if any(count.tool is None for count in counts) else []
    return unnamed + sorted(map(tuple, spellings.values()))


def _active_days(counts: Sequence[DayCount]) -> Days:
    return np.unique(np.array([c.day for c in counts], dtype=np.int64))


# --- what is not about days ---------------------------------------------------------------------------


def _bulk_gaps(counts: Sequence[BulkCount], field: str, checked: Collection[str]) -> Iterator[CoverageGap]:
    def group(count: BulkCount) -> tuple[bool, bool, bool, str]:
        may_show = _may_show(count, field)
        return not may_show, may_show and count.principal in checked, count.tool is not None, count.tool or ""

    for (other_fields, known, _, _), grouped in groupby(sorted(counts, key=group), key=group):
        reads = tuple(grouped)
        rows = sum(read.row_count for read in reads)
        people = tuple(sorted({read.principal for read in reads}))
        fields = tuple(sorted({name for read in reads for name in read.fields}))
        shown = f"showing {', '.join(fields)}" if fields else "showing fields that are not known"
        window = Window(instant_at(min(r.first_at for r in reads)), instant_at(max(r.last_at for r in reads) + 1))
        by = f"by {len(people)} principal{'s' if len(people) > 1 else ''}"
        after = "; what became of them was checked (checked_bulk_readers)" if known else ""
        serious = not (other_fields or known)
        yield CoverageGap(
            "bulk_read", reads[0].tool, window, rows,
            f"{rows} read{'s' if rows > 1 else ''} {by}, {shown}, cannot be tied to customers{after}.",
            # Each of those who stand between others and a name, however many.
            principals=people if serious else people[:_SHOWN_PRINCIPALS], fields=fields, serious=serious,
        )  # fmt: skip


def _may_show(count: BulkCount, field: str) -> bool:
    return not count.fields or field in count.fields or EVERY_FIELD in count.fields


def _clock_gaps(steps: Sequence[tuple[str, ClockStep]], window: Window) -> Iterator[CoverageGap]:
    for file_name, grouped in groupby(steps, key=lambda step: step[0]):
        touching = [step for _, step in grouped if _touches(step, window)]
        if not touching:
            continue
        longest = max(timedelta(microseconds=step.from_at - step.to_at) for step in touching)
        span = Window(instant_at(min(s.to_at for s in touching)), instant_at(max(s.from_at for s in touching) + 1))
        yield CoverageGap(
            "clock_step", None, span, len(touching),
            f"In {file_name} the clock jumps back {len(touching)} time{'s' if len(touching) > 1 else ''} "
            f"(row {touching[0].source_row} first), by up to {_length(longest)}: its times are uncertain by that much.",
            serious=longest >= _SERIOUS_STEP,
        )  # fmt: skip


def _touches(step: ClockStep, window: Window) -> bool:
    starts_before_end = window.end is None or instant_at(step.to_at) < window.end
    return starts_before_end and (window.start is None or instant_at(step.from_at) >= window.start)


def _unknown_gaps(unknown: Sequence[str], window: Window) -> Iterator[CoverageGap]:
    if unknown:
        many = len(unknown) > 1
        yield CoverageGap(
            "unknown_principal", None, window, len(unknown),
            f"{len(unknown)} principal{'s' if many else ''} in the log {'are' if many else 'is'} not in the "
            "principals table.",
            principals=tuple(sorted(unknown))[:_SHOWN_PRINCIPALS], serious=False,
        )  # fmt: skip


def _spelling_gaps(spellings: Sequence[tuple[str, ...]], window: Window) -> Iterator[CoverageGap]:
    if spellings:
        names = [name for group in spellings for name in group]
        yield CoverageGap(
            "principal_spellings", None, window, len(spellings),
            f"{len(names)} principals of the log differ from one another in capitals only, as "
            f"{' and '.join(spellings[0][:2])} do: if these are the same accounts, what each was shown counts apart. "
            "Write them alike and ingest the log into a new workspace.",
            principals=tuple(names)[:_SHOWN_PRINCIPALS],
        )  # fmt: skip


def _stray_rows(row_count: int) -> float:
    small = min(_STRAY_SHARE_SMALL * row_count, _STRAY_ROWS_SMALL)
    return max(_STRAY_SHARE * row_count, small, _STRAY_ROWS)


def _rejected_gaps(files: Sequence[RejectedRows], mended: Sequence[str], window: Window) -> Iterator[CoverageGap]:
    for file in sorted(files, key=lambda one: (-one.rejected_count, one.file_name)):
        if file.file_name in mended:
            continue
        yield CoverageGap(
            "rejected_rows", None, window, file.rejected_count,
            f"{file.rejected_count} of the {file.row_count} rows of {file.file_name} could not be read: what they show "
            "is not known. Ingest it with the right mapping, or what was mended as a file of the same name; if it came "
            "under another name, name this one in the setting mended_files.",
            serious=file.rejected_count > _stray_rows(file.row_count),
        )  # fmt: skip


# --- times --------------------------------------------------------------------------------------------


def _midnight(day: int) -> datetime:
    return instant_at(day * DAY_MICROSECONDS)


def _day(at: datetime) -> int:
    return (at - EPOCH).days


def _date(day: int | np.int64) -> str:
    return _midnight(int(day)).date().isoformat()


def _window(days: Silence) -> Window:
    return Window(_midnight(days.first), _midnight(days.last + 1))


def _length(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
