"""The report on top of a bundle: a PDF that a prosecutor reads, with the same bytes for the same case each time."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, HRFlowable, KeepTogether, SimpleDocTemplate, Spacer

from leaktrace.caserecords import ActionApproved, ActionRequested, PersonChanged, PersonEnrolled
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
from leaktrace.response.bundle.glossary import GLOSSARY
from leaktrace.response.bundle.inputs import BundleInput
from leaktrace.response.bundle.names import exhibit_file
from leaktrace.response.bundle.signing import fingerprint_of, grouped
from leaktrace.response.bundle.words import sentence_of
from leaktrace.version import __version__

_SIDE, _TOP, _BOTTOM = 22 * mm, 20 * mm, 22 * mm
WIDTH = A4[0] - 2 * _SIDE
"""Of the text, in points."""


def cover_report(given: BundleInput) -> bytes:
    """The PDF. ResponseError where finding or calibration are no JSON."""
    register()
    finding = facts.document_of(given.finding, "finding")
    calibration = facts.document_of(given.calibration, "calibration")
    story = [
        *_title(given),
        *_answer(given, finding, calibration),
        *_timeline(given),
        *_people(given),
        *_exhibits(given),
        *_verifying(given),
        *_glossary(),
    ]
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
    document.build(story, canvasmaker=NumberedCanvas.of(f"Case {given.case}", _SIDE, WIDTH))
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


def _answer(given: BundleInput, finding: dict[str, Any], calibration: dict[str, Any]) -> list[Flowable]:
    known = facts.what_is_known(finding)
    done = facts.what_was_done(given)
    return [
        callout(
            facts.in_short(finding), "A probability is no proof. People decide; section 3 says what cannot be known."
        ),
        *heading("1. What is known, and how"),
        *bullets(known or ["No finding is part of this bundle."]),
        *heading("2. How sure this is"),
        *bullets(facts.how_sure(calibration) if finding else ["Nothing is claimed."]),
        *heading("3. What is not known"),
        *bullets(facts.what_is_not_known(given, finding, calibration)),
        *heading("4. Whose data"),
        *bullets(facts.whose_data(given)),
        paragraph("No customer is named in this report; data/exposure.csv holds the list.", "small"),
        *([*heading("5. What was stopped"), *bullets(done)] if done else []),
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
        *heading("Who did what, when"),
        paragraph(
            "Each line is an event of the case as it was entered in the custody log at that time. 'Entry' is its place "
            "in the log: data/log/events.txt holds the event in full, with the salt that opens its commitment."
        ),
        table([head, *rows], [31 * mm, 20 * mm, WIDTH - 65 * mm, 14 * mm], header=True),
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
        *heading("People and approvals"),
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
        rows.append([cell(stored.exhibit), about, cell(f"{stored.size_bytes:,}")])  # type: ignore[list-item]
    return [
        *heading("Exhibits"),
        paragraph(
            "The digests are those that were entered in the log when the exhibits were taken into evidence. Files beside "
            "the exhibits (tables, graph, this report) are made from them for reading."
        ),
        table([head, *rows], [18 * mm, WIDTH - 38 * mm, 20 * mm], header=True),
    ]


def _verifying(given: BundleInput) -> list[Flowable]:
    fingerprint = fingerprint_of(given.public_key)
    return [
        *heading("How to verify this bundle"),
        paragraph(
            "Two verifiers are in the bundle, and both are published in leaktrace's repository: verify.py, a program, and "
            "VERIFY.md, a list of shell commands. They share no code with each other or with leaktrace. Take them from the "
            "repository: a verifier that travels with the evidence alone proves nothing."
        ),
        KeepTogether(
            [
                paragraph("The fingerprint of the key that signed everything (SHA-256 of the raw Ed25519 key):"),
                code([grouped(fingerprint)[:39], grouped(fingerprint)[40:]]),
                paragraph(
                    "This page can be forged with the rest. Ask the organisation for the fingerprint over another channel, "
                    "by telephone or from its website, and compare it with this one."
                ),
                code(["python verify.py BUNDLE --key \\", f"    {fingerprint}"]),
                paragraph(
                    "It ends with OK and exit code 0, or names what is wrong. With an earlier checkpoint of the log, from a "
                    "witness for instance, add --checkpoint FILE: then a rewritten history is found too."
                ),
            ]
        ),
    ]


def _glossary() -> list[Flowable]:
    rows: Iterable[list[Flowable]] = ([cell(word, "label"), cell(meaning)] for word, meaning in GLOSSARY)
    return [*heading("Words"), table(list(rows), [34 * mm, WIDTH - 34 * mm], lines=False)]


def _instant(at: Any, *, zone: bool = True) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}{' UTC' if zone else ''}"
