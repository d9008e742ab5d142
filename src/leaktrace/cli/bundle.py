"""bundle: hands the evidence of a case over, and says how the other side checks it.

The case's store, its log and its keys come in as `BundleDesk`; whoever wires the program says where one is found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from leaktrace.caserecords import Approvals, CaseDiary
from leaktrace.cases import Request
from leaktrace.caseviews import request_view
from leaktrace.cli.acting import KeyOption, PersonOption
from leaktrace.cli.output import JsonOption, answer
from leaktrace.errors import ResponseError, UsageError
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

    def ask(self, case: str, recipient: str, withheld: Mapping[str, str], why: str) -> Request:
        """Asks to hand over what is in evidence now, but for what is withheld (exhibit -> reason)."""

    def exhibits(self, case: str, request: str) -> tuple[BundledExhibit, ...]:
        """What the request is about: handed over, or withheld and why; contents and proofs may still be missing."""

    def approved_request(self, case: str, recipient: str | None) -> tuple[str, str]:
        """(request, recipient) of the approved, unused request to hand over; ResponseError when there is none.

        With several, `recipient` decides.
        """

    def now(self) -> datetime:
        """The time by the workspace's clock."""

    def bundle_input(self, case: str, request: str, recipient: str) -> BundleInput:
        """Everything for the bundle as the log stands now, with a new checkpoint and proofs."""


OpenDesk = Callable[[typer.Context, str | None, Path | None], AbstractContextManager[BundleDesk]]
"""(context, person, key file) -> the desk of whoever hands over."""


def register(app: typer.Typer, open_desk: OpenDesk) -> None:
    """Adds the command; `open_desk` finds the case work of the workspace that -w names."""

    def bundle(
        context: typer.Context,
        case: Annotated[str, typer.Argument(help="The case, K-….")],
        out: Annotated[Path | None, typer.Option("--out", help="A folder that is new or empty.")] = None,
        recipient: Annotated[str | None, typer.Option("--recipient", help="Who gets it.")] = None,
        ask: Annotated[bool, typer.Option("--ask", help="Ask for the hand-over; a second person approves.")] = False,
        withhold: Annotated[
            list[str] | None, typer.Option("--withhold", help="With --ask: EXHIBIT=REASON, not handed over.")
        ] = None,
        why: Annotated[str, typer.Option("--why", help="With --ask: why it is handed over.")] = "",
        person: PersonOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> int:
        """Write the evidence of a case for the police: exhibits, finding, custody log with proofs, two verifiers.

        Two people agree first. Example: leaktrace bundle K-7f3a91c2 --ask --recipient "Police, file 12" --why "their
        letter"; leaktrace case approve K-7f3a91c2 A-0002; leaktrace bundle K-7f3a91c2 --out evidence
        """
        with open_desk(context, person, key) as desk:
            if ask:
                view = request_view(ask_for(desk, case, recipient, withhold or [], why), desk.now())
                answer(view, None if as_json else render_asked(case, view.request), as_json=as_json)
                return 0
            if out is None:
                raise UsageError("No folder was given.", "Give one: --out DIR; or ask first: --ask.")
            written = hand_over_bundle(desk, case, out, recipient)
            answer(written, None if as_json else render_bundle(written), as_json=as_json)
        return 0

    app.command()(bundle)


def ask_for(desk: BundleDesk, case: str, recipient: str | None, withhold: list[str], why: str) -> Request:
    """Asks for the hand-over; UsageError for what is no request."""
    if not recipient or not recipient.strip() or not why.strip():
        raise UsageError("A hand-over needs a recipient and a reason.", "Give --recipient TEXT and --why TEXT.")
    withheld: dict[str, str] = {}
    for one in withhold:
        exhibit, sign, reason = one.partition("=")
        if not sign or not reason.strip() or exhibit in withheld:
            raise UsageError(
                f"'{exhibit[:20]}' is not withheld so.", "Once for each exhibit: --withhold E-0006=REASON."
            )
        withheld[exhibit] = reason.strip()
    return desk.ask(case, recipient.strip(), withheld, why)


def render_asked(case: str, request: str) -> RenderableType:
    """What happens next."""
    return Group(
        Text(f"{request}: asked for.", "bold"),
        Text(f"A second person approves: leaktrace case approve {case} {request}"),
        Text(f"Then: leaktrace bundle {case} --out DIR"),
    )


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
    use_hand_over(desk.approvals, case, request, approved_for, desk.exhibits(case, request))
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
