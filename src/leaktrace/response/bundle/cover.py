"""The report on top of a bundle: a PDF that a prosecutor reads, with the same bytes for the same case each time."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, HRFlowable, KeepTogether, SimpleDocTemplate, Spacer

from leaktrace import __version__
from leaktrace.caserecords import ActionApproved, ActionRequested, PersonChanged, PersonEnrolled
from leaktrace.response.bundle import covertexts as texts
from leaktrace.response.bundle import facts
from leaktrace.response.bundle.coverstyle import (
    STYLES,
    NumberedCanvas,
    bullets,
    callout,
    cell,
    code,
    heading,
    mono,
    paragraph,
    table,
)
from leaktrace.response.bundle.fonts import NOTE, has_all_letters, register
from leaktrace.response.bundle.inputs import BundleInput
from leaktrace.response.bundle.names import exhibit_file
from leaktrace.response.bundle.signing import fingerprint_of, grouped
from leaktrace.response.bundle.words import sentence_of

_SIDE, _TOP, _BOTTOM = 22 * mm, 20 * mm, 22 * mm
WIDTH = A4[0] - 2 * _SIDE - 12
"""Of the text, in points; a page's frame keeps 6 free on either side."""


_Section = tuple[str, list[Flowable]]


def cover_report(given: BundleInput) -> bytes:
    """The PDF. ResponseError where finding or calibration are no JSON."""
    register()
    finding = facts.veiled(
        facts.document_of(given.finding, "finding"), {name: mark for mark, name in given.names.items()}
    )
    calibration = facts.document_of(given.calibration, "calibration")
    sections = [
        *_answer(given, finding, calibration),
        ("Who did what, when", _timeline(given)),
        ("People and approvals", _people(given)),
        ("Exhibits", _exhibits(given)),
        ("How to verify this bundle", _verifying(given)),
        ("Words", _glossary()),
    ]
    story = [*_title(given), callout(facts.in_short(finding), texts.NO_PROOF)]
    for number, (title, content) in enumerate(sections, start=1):
        story += [*heading(f"{number}. {title}"), *content]
    page = io.BytesIO()
    document = SimpleDocTemplate(
        page,
        pagesize=A4,
        leftMargin=_SIDE,
        rightMargin=_SIDE,
        topMargin=_TOP,
        bottomMargin=_BOTTOM,
        title=f"Evidence report, case {given.case}",
        author=given.origin,
        subject="What is known, how, how sure, and what is not known",
        creator=f"leaktrace {__version__}",
        invariant=1,
    )
    document.build(story, canvasmaker=NumberedCanvas.of(f"Case {given.case}", _SIDE + 6, WIDTH))
    return page.getvalue()


def _title(given: BundleInput) -> list[Flowable]:
    facts_of = [
        ("Case", given.case),
        ("Handed to", given.recipient),
        ("Written", _instant(given.written_at)),
        ("Custody log", f"{given.origin}, {len(given.leaves):,} entries"),
    ]
    rows = [[cell(label, "label"), cell(value)] for label, value in facts_of]
    rows.append([cell("Key fingerprint", "label"), mono(grouped(fingerprint_of(given.public_key)))])
    shown = [given.title, given.recipient, *(sentence_of(one.event) for one in given.events)]
    note = [] if all(has_all_letters(text) for text in shown) else [Spacer(1, 4), paragraph(NOTE, "small")]
    return [
        paragraph("Evidence report", "kicker"),
        paragraph(given.title, "title"),
        HRFlowable(width="100%", thickness=1.2, color=STYLES["kicker"].textColor, spaceAfter=8),
        table(rows, [32 * mm, WIDTH - 32 * mm], lines=False),
        *note,
        Spacer(1, 8),
    ]


def _answer(given: BundleInput, finding: dict[str, Any], calibration: dict[str, Any]) -> list[_Section]:
    known = facts.what_is_known(finding)
    known += facts.who_sent(given) if known else []
    done = facts.what_was_done(given)
    unnamed = paragraph(texts.UNNAMED, "small")
    stopped = [("What was stopped", bullets(done))] if done else []
    return [
        ("What is known, and how", bullets(known or ["No finding is part of this bundle."])),
        ("How sure this is", bullets(facts.how_sure(calibration) if finding else ["Nothing is claimed."])),
        ("What is not known", bullets(facts.what_is_not_known(given, finding, calibration))),
        ("What speaks against it", bullets(facts.what_speaks_against(given, finding))),
        ("Whose data", [*bullets(facts.whose_data(given)), *([unnamed] if given.exposure else [])]),
        *stopped,
    ]


def _timeline(given: BundleInput) -> list[Flowable]:
    own = [one for one in given.events if one.entry.case == given.case]
    head = [cell(text, "head") for text in ("Time (UTC)", "Who", "What", "Entry")]
    rows = [
        [
            cell(_instant(one.entry.at, zone=False)),
            cell(one.actor),
            cell(sentence_of(one.event)),
            cell(str(one.entry.index)),
        ]
        for one in own
    ]
    return [
        paragraph(texts.TIMELINE),
        table([head, *rows], [36 * mm, 24 * mm, WIDTH - 74 * mm, 14 * mm], header=True),
    ]


def _people(given: BundleInput) -> list[Flowable]:
    latest = {
        one.event.person: one.event for one in given.events if isinstance(one.event, PersonEnrolled | PersonChanged)
    }
    head = [cell(text, "head") for text in ("Name", "Roles", "Fingerprint of the key (SHA-256)")]
    rows = [
        [
            cell(name),
            cell(", ".join(role.replace("_", " ") for role in event.roles)),
            mono(grouped(fingerprint_of(bytes.fromhex(event.public_key)))),
        ]
        for name, event in sorted(latest.items())
    ]
    asked = {one.event.request: one for one in given.events if isinstance(one.event, ActionRequested)}
    agreed = {one.event.request: one.actor for one in given.events if isinstance(one.event, ActionApproved)}
    acts = [
        f"{request}: {one.event.action.replace('_', ' ')}, {one.event.target}. Asked for by {one.actor}, "
        f"{f'approved by {agreed[request]}' if request in agreed else 'not approved'}."
        for request, one in asked.items()
        if isinstance(one.event, ActionRequested)
    ]
    return [
        table([head, *rows], [26 * mm, 42 * mm, WIDTH - 68 * mm], header=True),
        Spacer(1, 6),
        *bullets(acts or ["Nothing that needs two people was asked for."]),
    ]


def _exhibits(given: BundleInput) -> list[Flowable]:
    head = [cell(text, "head") for text in ("Exhibit", "What it is, and its SHA-256", "Bytes")]
    rows: list[list[Flowable]] = []
    for one in given.exhibits:
        stored = one.stored
        place = f"data/{exhibit_file(stored)}" if one.content is not None else f"withheld: {one.withheld_because}"
        about = [cell(stored.title), cell(f"{stored.kind}; {place}", "quiet"), mono(stored.sha256)]
        rows.append([cell(stored.exhibit), about, cell(f"{stored.size_bytes:,}")])
    return [
        paragraph(texts.EXHIBITS),
        table([head, *rows], [18 * mm, WIDTH - 38 * mm, 20 * mm], header=True),
    ]


def _verifying(given: BundleInput) -> list[Flowable]:
    fingerprint = fingerprint_of(given.public_key)
    return [
        paragraph(texts.VERIFIERS),
        KeepTogether(
            [
                paragraph(texts.FINGERPRINT),
                code([grouped(fingerprint)[:39], grouped(fingerprint)[40:]]),
                paragraph(texts.ANOTHER_CHANNEL),
                code(["python verify.py BUNDLE --key \\", f"    {fingerprint}"]),
                paragraph(texts.OUTCOME),
            ]
        ),
    ]


def _glossary() -> list[Flowable]:
    rows: Iterable[list[Flowable]] = ([cell(word, "label"), cell(meaning)] for word, meaning in texts.GLOSSARY)
    return [table(list(rows), [34 * mm, WIDTH - 34 * mm], lines=False)]


def _instant(at: Any, *, zone: bool = True) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}{' UTC' if zone else ''}"
