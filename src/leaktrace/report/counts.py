"""Small tables for the other commands: campaigns, ingest, mail, the ledger's size."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leaktrace.records import Campaign, Finding, IngestPreview, IngestReport, LedgerStats, MailReport
from leaktrace.report import words
from leaktrace.report.terminal import pairs


def render_campaigns(campaigns: Sequence[Campaign]) -> RenderableType:
    """Campaigns as they come, with seller and size; a sentence where there are none."""
    if not campaigns:
        return Text("There is no campaign yet. `leaktrace mail PATH` reads the abuse mailbox.")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("Campaign", overflow="fold")
    table.add_column("Seller", max_width=24, overflow="ellipsis", no_wrap=True)
    for head in ("Chance", "Reports", "Customers"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("First mail", no_wrap=True)
    for one in campaigns:
        known = one.seller is not None and one.seller_probability is not None
        table.add_row(
            Text(words.plain(one.campaign)),
            Text(words.plain(one.seller) if one.seller else "no seller"),
            words.percent(one.seller_probability) if known and one.seller_probability is not None else "",
            words.number(one.report_count),
            words.number(one.customer_count),
            words.day(one.first_mail_at),
        )
    return table


def render_findings(findings: Sequence[Finding], learned: str) -> RenderableType:
    """The outcomes of many campaigns, what they say together, and what is left of the error budget."""
    if not findings:
        return Text("There is no campaign yet. `leaktrace mail PATH` reads the abuse mailbox.")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("Campaign", overflow="fold")
    for head in ("Reports", "Nobody inside"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("Outcome", no_wrap=True)
    table.add_column("Named, or why not", overflow="fold")
    for one in findings:
        reason = one.undecided.code.replace("_", " ") if one.undecided else ""
        table.add_row(
            Text(words.plain(one.provenance.campaign)),
            words.number(one.evidence.report_count),
            words.percent(one.no_insider_probability),
            one.outcome,
            Text(words.listing(one.named) if one.named else reason),
        )
    budget = findings[0].error_budget
    return Group(table, Text(), Text(learned), *([Text(budget.sentence)] if budget else []))


def render_mail_report(report: MailReport) -> RenderableType:
    """What became of the messages of one reading of the mailbox."""
    rows = [
        ("Messages read", words.number(report.message_count)),
        ("Reports recovered", words.number(report.report_count)),
        ("Read before", words.number(report.duplicate_count - report.resent_count)),
        *([("Complaints sent again", words.number(report.resent_count))] if report.resent_count else []),
        ("Of no known customer", words.number(report.unmatched_count)),
    ]
    kinds = ", ".join(f"{words.plain(kind)} {amount:,}" for kind, amount in sorted(report.by_kind.items()) if amount)
    if kinds:
        rows.append(("New, by kind", kinds))
    if report.rejected_count:
        rows.append(("Kept aside", f"{report.rejected_count:,} in {words.plain(report.rejects_file or 'no file')}"))
    return pairs(rows)


def render_ingest_report(report: IngestReport) -> RenderableType:
    """What became of the rows of one ingest, and what was noticed."""
    rows = [
        ("Table", report.table),
        ("Rows taken", words.number(report.accepted_count)),
        ("Here before", words.number(report.already_ingested_count)),
        ("Rejected", words.number(report.rejected_count)),
    ]
    if report.rejects_file:
        rows.append(("Rejects with reasons", words.plain(report.rejects_file)))
    if report.batch_count is not None:
        rows.append(("Batches committed", words.number(report.batch_count)))
        rows.append(("Lines committed in all", words.number(report.committed_line_count or 0)))
    rows.append(("Time", f"{report.seconds:,.1f} seconds, {report.rows_per_second:,.0f} rows a second"))
    return Group(pairs(rows), *(Text(words.plain(note)) for note in report.notes))


def render_ingest_preview(preview: IngestPreview) -> RenderableType:
    """The first rows as they would be taken in, the first rejects with their reasons, and how many of each."""
    several = preview.file_count > 1
    columns = list(preview.rows[0].values) if preview.rows else []
    rows = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for head in (*(["file"] if several else []), "row", *columns):
        rows.add_column(head, overflow="fold", justify="right" if head == "row" else "left")
    for one in preview.rows:
        cells = [
            "many" if one.bulk and name == "customer" else words.plain(value or "")
            for name, value in one.values.items()
        ]
        rows.add_row(*map(Text, [*([words.plain(one.file)] if several else []), str(one.row), *cells]))
    rejected = [Text(f"{words.plain(one.file)}, row {one.row}: {words.plain(one.reason)}") for one in preview.rejected]
    counts = [
        ("Read", "everything" if preview.is_whole else "the first part"),
        ("Would be taken", words.number(preview.accepted_count)),
        ("of them bulk reads", words.number(preview.bulk_count)),
        ("Would be rejected", words.number(preview.rejected_count)),
        ("No accesses", words.number(preview.passed_over_count)),
    ]
    table: list[RenderableType] = [rows, Text()] if preview.rows else []
    return Group(
        *table,
        *([Text("Rejected, the first:"), *rejected, Text()] if rejected else []),
        pairs(counts),
        *(Text(words.plain(note)) for note in preview.notes),
        Text("Nothing was written."),
    )


def render_stats(stats: LedgerStats) -> RenderableType:
    """How much the ledger holds."""
    return pairs(
        [
            ("Accesses", words.number(stats.access_count)),
            ("Customers seen", words.number(stats.customer_count)),
            ("Principals seen", words.number(stats.principal_count)),
            *(
                (f"Rows of {table}", words.number(count))
                for table, count in stats.row_counts.items()
                if table != "accesses"
            ),
            ("Segments", words.number(stats.segment_count)),
            ("Rejected rows", words.number(stats.rejected_count)),
            ("Lake", words.size(stats.lake_bytes)),
            ("Index", words.size(stats.index_bytes)),
        ]
    )
