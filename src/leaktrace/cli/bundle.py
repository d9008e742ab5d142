"""bundle: hands the evidence of a case over, and says how the other side checks it.

The case's store, its log and its keys come in as `BundleDesk`; whoever wires the program says where one is found.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from leaktrace.caserecords import Approvals, CaseDiary
from leaktrace.cli.output import JsonOption, answer
from leaktrace.errors import ResponseError
from leaktrace.response.bundle import (
    BundledExhibit,
    BundleInput,
    Sign,
    WrittenBundle,
    check_target,
    grouped,
    record_bundle,
    use_hand_over,
    write_bundle,
)


class BundleDesk(Protocol):
    """What handing over needs of a case."""

    approvals: Approvals
    diary: CaseDiary
    sign: Sign
    """By the key of the custody log."""

    def exhibits(self, case: str) -> tuple[BundledExhibit, ...]:
        """What would be handed over now, and what is withheld and why; proofs may still be missing."""

    def approved_request(self, case: str, recipient: str | None) -> tuple[str, str]:
        """(request, recipient) of the approved, unused request to hand over; ResponseError when there is none.

        With several, `recipient` decides.
        """

    def bundle_input(self, case: str, request: str, recipient: str) -> BundleInput:
        """Everything for the bundle as the log stands now, with a new checkpoint and proofs."""


OpenDesk = Callable[[typer.Context], BundleDesk]


def register(app: typer.Typer, open_desk: OpenDesk) -> None:
    """Adds the command; `open_desk` finds the case work of the workspace that -w names."""

    def bundle(
        context: typer.Context,
        case: Annotated[str, typer.Argument(help="The case, as `case list` shows it.")],
        out: Annotated[Path, typer.Option("--out", help="A folder that is new or empty.")],
        recipient: Annotated[
            str | None, typer.Option("--recipient", help="Who gets it, as in the approved request.")
        ] = None,
        as_json: JsonOption = False,
    ) -> int:
        """Write the evidence of a case for the police: exhibits, finding, custody log with proofs, two verifiers.

        Needs a request to hand over that a second person approved. Example: leaktrace bundle K-7f3a91c2 --out evidence
        """
        written = hand_over_bundle(open_desk(context), case, out, recipient)
        answer(written, None if as_json else render_bundle(written), as_json=as_json)
        return 0

    app.command()(bundle)


def hand_over_bundle(desk: BundleDesk, case: str, out: Path, recipient: str | None = None) -> WrittenBundle:
    """Uses the approval, writes the bundle, records that; in this order, as the use is part of the evidence.

    ResponseError or ApprovalError, with nothing handed over. An approval that was used for a bundle that could not be
    written is spent: the log says so, and it is asked for again.
    """
    check_target(out)
    request, approved_for = desk.approved_request(case, recipient)
    if recipient is not None and recipient != approved_for:
        raise ResponseError(
            f"{request} is approved for another recipient.", "Give the recipient of the request, or ask for a new one."
        )
    use_hand_over(desk.approvals, case, request, approved_for, desk.exhibits(case))
    written = write_bundle(desk.bundle_input(case, request, approved_for), desk.sign, out)
    record_bundle(desk.diary, written, request, approved_for)
    return written


def render_bundle(written: WrittenBundle) -> RenderableType:
    """What was written, and what the other side needs to check it."""
    withheld = f", {written.withheld_count} withheld" if written.withheld_count else ""
    return Group(
        Text(
            f"{written.folder}: {written.exhibit_count} exhibits{withheld}, {written.file_count} files, verified.",
            "bold",
        ),
        *(Text(f"  {line}") for line in written.said),
        Text(),
        Text("Key fingerprint; give it to the recipient by another way than the bundle:"),
        Text(f"  {grouped(written.fingerprint)}", style="bold"),
        Text("They check with verify.py or VERIFY.md from leaktrace's repository:"),
        Text(f"  python verify.py DIR --key {written.fingerprint}"),
    )
