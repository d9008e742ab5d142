# ruff: noqa: E501 - lines as Notes writes them
"""Forwards of Notes, which writes no label before the sender: a line of dashes, a mailbox, a time, then the labels."""

from __future__ import annotations

import time

import pytest

from leaktrace.mailroom.read import read_mail
from leaktrace.records import Original
from tests.mailroom.mail_samples import SELLER, SUBJECT, message

MARK = "---------------------- Forwarded by Cleo Marsh/MAIL on 03/04/2024 10:00 AM ---------------------------"
LABELS = f"To:\tcleo@mail.example\ncc:\t \n\nSubject:\t{SUBJECT}\n\n\n"
NARROW = f"{SELLER}\n03/04/2024 09:30 AM\n\nTo\ncleo@mail.example\ncc\n\nSubject\n{SUBJECT}\n\n\n\n"
PLANTED = (
    "-----Original Message-----\nFrom: Rival <boss@rival.example>\nSent: Monday, March 4, 2024 8:00 AM\n"
    "To: cleo@mail.example\nSubject: buy\n\nbuy\n"
)
TABLE = (
    "<font size=1>----- Forwarded by Cleo Marsh/MAIL on 03/04/2024 10:00 AM -----</font><br><table width=100%><tr valign"
    "=top><td width=40%><font size=1><b>&quot;Nora Vale&quot; &lt;nora@vale-shop.example&gt;</b> </font><p><font size=1>"
    "03/04/2024 09:30 AM</font><td width=59%><table width=100%><tr valign=top><td><div align=right><font size=1>To</font>"
    "</div><td><font size=1>cleo@mail.example</font><tr valign=top><td><div align=right><font size=1>cc</font></div><td>"
    f"<tr valign=top><td><div align=right><font size=1>Subject</font></div><td><font size=1>{SUBJECT}</font></table><br>"
    "</table><br>Dear Cleo"
)


def only(text: str, *, subject: str = "look", kind: str = "plain") -> Original:
    (found,) = read_mail(message(text, subject=subject, content_type=f"text/{kind}")).originals
    return found


@pytest.mark.parametrize(
    ("layout", "kind"),
    [
        (f"{MARK}\n\n\n{SELLER} on 03/04/2024 09:30:12 AM\n{LABELS}Dear", "plain"),
        (
            f"{MARK}\n\n\n{SELLER} on 03/04/2024 09:30:12 AM\n\nPlease respond to <re@vale-shop.example>\n\n{LABELS}",
            "plain",
        ),
        (f"{MARK}\n\n\n\t{SELLER}\n\t03/04/2024 09:30 AM\n\n\t{LABELS}".replace("\nSubj", "\n\tSubj"), "plain"),
        (f"{MARK.replace(' -', chr(10) + '-')}\n\n{SELLER} on 03/04/2024 09:30 AM\n{LABELS}", "plain"),
        (f"{MARK.replace('2024 10', '2024' + chr(10) + '10')}\n\n{SELLER} on 03/04/2024 09:30 AM\n{LABELS}", "plain"),
        (f"{MARK}\n\nnora@vale-shop.example on 03/04/2024 09:30 AM\n{LABELS}", "plain"),
        (f"{MARK}\n\n{NARROW}Dear", "plain"),
        (TABLE, "html"),
    ],
)
@pytest.mark.parametrize("subject", ["look", f"Fw: {SUBJECT}", "Re: your ticket"])
def test_layouts_of_notes(layout: str, kind: str, subject: str) -> None:
    found = only(f"see this\n\n{'<br>' * (kind == 'html')}{layout}", subject=subject, kind=kind)
    assert found.sender.address == "nora@vale-shop.example"
    assert [one.address for one in found.recipients] == ["cleo@mail.example"]
    assert found.subject == SUBJECT
    assert found.sent_between.start is not None
    assert (found.grade, found.flags) == ("G1", ())


def test_notes_in_german_and_in_a_language_whose_mark_is_in_no_table() -> None:
    german = (
        "---------------------- Weitergeleitet von Cleo Marsh/MAIL am\n04.03.2024 10:00 ---------------------------\n\n\n"
        f"{SELLER} am 04.03.2024 09:30:12\n\nAn:    cleo@mail.example\nKopie:\nThema: {SUBJECT}\n\nHallo"
    )
    found = only(german, subject="AW: x")
    assert (found.sender.address, found.sender.name, found.subject) == ("nora@vale-shop.example", "Nora Vale", SUBJECT)
    french = (
        f"----- Réexpédié par Cleo Marsh/MAIL le 04/03/2024 10:00 -----\n\n{SELLER}\n04/03/2024 09:30\n\nA\n"
        f"cleo@mail.example\ncc\n\nObjet\n{SUBJECT}\n\n\nBonjour"
    )
    assert only(french).sender.address == "nora@vale-shop.example"
    assert read_mail(message(french, subject="Re: x")).originals == ()


def test_the_mark_of_notes_above_labels_makes_a_forward_under_any_subject() -> None:
    text = f"see\n\n----- Forwarded by Cleo Marsh/MAIL on 03/04/2024 10:00 AM -----\n\nFrom:\t{SELLER}\n{LABELS}"
    assert only(text, subject="Re: your ticket").sender.address == "nora@vale-shop.example"


def test_a_block_planted_below_a_forward_of_notes_does_not_win() -> None:
    # The attack: without the block above it, the planted one would be the outermost.
    assert only(f"x\n\n{PLANTED}").sender.address == "boss@rival.example"
    for zone in (f"{SELLER} on 03/04/2024 09:30 AM", "Nora Vale on 03/04/2024 09:30 AM"):
        found = only(f"x\n\n{MARK}\n\n{zone}\n{LABELS}Dear\n\n{PLANTED}")
        assert found.sender.address in ("nora@vale-shop.example", None)
        assert found.sender.name == "Nora Vale"
        assert [claim.sender.address for claim in found.claims] == ["boss@rival.example"]


@pytest.mark.parametrize(
    "zone",
    [
        # Names that hold another mailbox, a time or whole labels, wrapped where the sender wants it.
        f"Rival <boss@rival.example> <nora@vale-shop.example> on 03/04/2024 09:30 AM\n{LABELS}",
        f"Rival <boss@rival.example> on 03/04/2024 08:30 AM\n<nora@vale-shop.example> on 03/04/2024 09:30 AM\n{LABELS}",
        f"Rival <boss@rival.example> on 03/04/2024 08:30 AM\nTo: you <nora@vale-shop.example> on 03/04/2024 09:30 AM\n{LABELS}",
        f"Rival <boss@rival.example> on 03/04/2024 08:30 AM\nSubject: x\n<nora@vale-shop.example> on 03/04/2024 09:30 AM\n{LABELS}",
        f"Rival <boss@rival.example>\n03/04/2024 08:30 AM Subject: x\n<nora@vale-shop.example>\n03/04/2024 09:30 AM\n\n{LABELS}",
        f"Rival <boss@rival.example> 03/04/2024 08:30 AM Please respond to\n<nora@vale-shop.example>\n4 mars 2024 09:30\n\n{LABELS}",
        # Somebody else's address beside a sender shown by name.
        f"Nora Vale\nSent by: boss@rival.example\n03/04/2024 09:30 AM\n\n{LABELS}",
        f"Nora Vale\n03/04/2024 09:30 AM\nPlease respond to boss@rival.example\n\n{LABELS}",
    ],
)
def test_who_may_be_meant_by_more_than_one_address_is_not_claimed(zone: str) -> None:
    record = read_mail(message(f"see\n\n{MARK}\n\n{zone}Dear", subject="look"))
    assert {one.sender.address for one in record.originals} <= {None, "nora@vale-shop.example"}


@pytest.mark.parametrize(
    "text",
    [
        "--- call with Ann 03/04/2024 10:00 AM ---\n\nAnn <ann@x.example> was fine\n\nTo do: rest\n",
        f"{MARK}\n\nDear Cleo, write to ann@x.example\n",
        f"{MARK}\n\n{SELLER} on Monday\nTo: cleo@mail.example\n",
    ],
)
def test_a_line_of_dashes_alone_is_no_forward(text: str) -> None:
    assert read_mail(message(text, subject="look")).originals == ()


def test_many_marks_cost_little() -> None:
    text = f"{MARK}\n\n{SELLER} on 03/04/2024 09:30 AM\nTo:\n".replace("To:", "Too:") * 6000
    started = time.process_time()
    read_mail(message(text))
    assert time.process_time() - started < len(text) / 1_000_000
