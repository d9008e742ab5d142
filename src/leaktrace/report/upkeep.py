"""What the upkeep of the ledger found and did, in words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leaktrace.records import Compaction, Erasure, LedgerActs, LedgerCheck, LegalHold, Retention
from leaktrace.report import words
from leaktrace.report.terminal import pairs


def render_check(check: LedgerCheck) -> RenderableType:
    """Each problem by file, or that there is none; what was looked at."""
    counted = pairs(
        [
            ("Segments", words.number(check.segment_count)),
            ("Dictionaries", words.number(check.dictionary_count)),
            ("Rows compared", words.number(check.row_count)),
            ("Read", words.size(check.checked_bytes)),
        ]
    )
    notes = [Text(words.plain(note)) for note in check.notes]
    if not check.problems:
        return Group(Text("The ledger is whole."), counted, *notes)
    table = _table("File", "Problem")
    for one in check.problems:
        table.add_row(Text(words.plain(one.file)), Text(words.plain(one.problem)))
    many = len(check.problems)
    head = Text(f"The ledger is not whole: {many} problem{'s' if many > 1 else ''}. Restore it from your backup.")
    return Group(head, table, counted, *notes)


def render_compaction(done: Compaction) -> RenderableType:
    """What merging came to."""
    if not done.merged_count:
        return Text(f"Nothing to merge: {done.segment_count:,} segments are as few as the settings ask for.")
    rows = [
        ("Segments merged", words.number(done.merged_count)),
        ("Into", words.number(done.written_count)),
        ("Rows moved", words.number(done.row_count)),
        ("Segments now", words.number(done.segment_count)),
    ]
    return Group(pairs(rows), *_waiting(done.waiting_count))


def render_retention(found: Retention) -> RenderableType:
    """What goes, or went."""
    rows = [(f"Rows of {table}", words.number(count)) for table, count in found.row_counts.items()]
    if not found.done:
        head = Text(f"Older than {found.kept_from}, and would go (nothing was changed; --yes does it):")
        return Group(head, pairs(rows))
    rows.append(("Names without rows", words.number(found.name_count)))
    head = Text(f"Gone, because older than {found.kept_from}; later files do not bring it back:")
    return Group(head, pairs(rows), *_waiting(found.waiting_count))


def render_erasure(found: Erasure) -> RenderableType:
    """What forgetting customers came to."""
    rows = [("Customers", words.number(found.customer_count))]
    rows += [(f"Rows of {table}", words.number(count)) for table, count in found.row_counts.items()]
    rows.append(("Names", words.number(found.name_count)))
    # "Gone" would say that somebody was erased who is still there under the id that was meant.
    nobody = found.unknown_count == found.customer_count
    head = "Nothing was there to erase" if nobody else "Gone from the ledger; later files do not bring it back"
    return Group(
        Text(f"{head}:"), pairs(rows), *_unknown(found), *_waiting(found.waiting_count), *_held_in(found.held_in)
    )


def _unknown(found: Erasure) -> list[Text]:
    if not found.unknown_count:
        return []
    told = f"There was no row of {found.unknown_count} of {found.customer_count}: check the ids. They are kept out too."
    return [Text(told, style="yellow")]


def _held_in(cases: Sequence[str]) -> list[Text]:
    if not cases:
        return []
    return [
        Text(f"Still known in {words.listing(list(cases))}: evidence of a case is not erased.", style="yellow"),
        Text(
            "Decide with counsel whether it may be kept, and tell the person. Write it down: leaktrace case note CASE. "
            "Once nothing needs the case any more, delete the workspace with its key (docs/upkeep.md)."
        ),
    ]


def render_holds(holds: Sequence[LegalHold]) -> RenderableType:
    """Legal holds, by case."""
    if not holds:
        return Text("No legal hold is in force.")
    table = _table("Case", "Holds", "Since", "By")
    for one in holds:
        table.add_row(
            Text(words.plain(one.case)), f"customer {one.customer}" if one.customer else "every customer", one.at,
            Text(words.plain(one.who)),
        )  # fmt: skip
    return table


def render_acts(acts: LedgerActs) -> RenderableType:
    """Legal holds, and what was done to the ledger's rows."""
    if not acts.acts:
        return Group(render_holds(acts.holds), Text("Nothing was taken out of this ledger yet."))
    table = _table("At", "By", "What", "Of", "Rows", "Why")
    for one in acts.acts:
        subject = " ".join(part for part in (one.subject, f"customer {one.customer}" if one.customer else "") if part)
        table.add_row(
            one.at, Text(words.plain(one.who)), one.what, Text(words.plain(subject)),
            words.number(sum(one.row_counts.values())) if one.row_counts else "", Text(words.plain(one.why)),
        )  # fmt: skip
    return Group(render_holds(acts.holds), Text(), table)


def _waiting(count: int) -> list[RenderableType]:
    if not count:
        return []
    return [
        Text(
            f"{count} replaced file{'s are' if count > 1 else ' is'} still being read by another process; what was"
            " taken out is on disk until the ledger is opened while nobody asks it anything."
        )
    ]


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table
