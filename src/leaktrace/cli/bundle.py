"""bundle: hands the evidence of a case over, and says how the other side checks it.

The case's store, its log and its keys come in as `BundleDesk`; whoever wires the program says where one is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from leaktrace.casedesk.behindfinding import LedgerBehind
from leaktrace.casedesk.custody import Custody
from leaktrace.casedesk.desk import log_lookup
from leaktrace.casedesk.handingover import HandOverDesk
from leaktrace.casedesk.views import request_view
from leaktrace.caserecords import Approvals, CaseDiary
from leaktrace.cases import CaseWork, Request
from leaktrace.cases.custody.anchor import read_whole
from leaktrace.cli.acting import KeyOption, PersonOption, signed_in
from leaktrace.cli.output import JsonOption, answer, screen_of
from leaktrace.cli.targets import check_folder
from leaktrace.errors import ResponseError, UsageError
from leaktrace.response.bundle import (
    BundledExhibit,
    BundleInput,
    TimestampToken,
    WrittenBundle,
    check_target,
    grouped,
    record_bundle,
    use_hand_over,
    write_bundle,
)


class BundleDesk(Protocol):
    """What handing over needs of a case."""

    @property
    def approvals(self) -> Approvals:
        """Where the approval is used."""

    @property
    def diary(self) -> CaseDiary:
        """Where the hand-over is written down."""

    def sign(self, content: bytes) -> bytes:
        """The raw signature by the key of the custody log."""

    def gather(self, case: str, calibration: bytes | None = None) -> int:
        """Takes raw mails and a calibration into evidence that are not yet there; how many."""

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


@dataclass(frozen=True, slots=True)
class Stamping:
    """The time-stamp authority that is asked for the bundle's checkpoint."""

    url: str
    chain: bytes
    """Its certificates, PEM: its own first, the root last."""


OpenDesk = Callable[[typer.Context, str | None, Path | None, Stamping | None], AbstractContextManager[BundleDesk]]
"""(context, person, key file, authority) -> the desk of whoever hands over."""


@contextmanager
def open_desk_of(
    context: typer.Context, person: str | None, key: Path | None, stamping: Stamping | None
) -> Iterator[BundleDesk]:
    """The cases and the custody log of the workspace that -w names, as this person hands them over."""
    with screen_of(context).open() as workspace:
        actor, room = signed_in(workspace, person, key), workspace.case_room()
        opened = room.opened
        with workspace.custody() as custody:
            yield HandOverDesk(
                CaseWork(room.premises, actor),
                room.store.log,
                custody.keeper.keys,
                room.clock,
                LedgerBehind(
                    room.ledger,
                    room.mail,
                    opened.keyring,
                    opened.settings,
                    lambda subject: log_lookup(room, actor.person, "bundle", subject, "evidence bundle"),
                ),
                lambda size: _stamped(custody, size, stamping),
            )


def _stamped(custody: Custody, size: int, stamping: Stamping | None) -> tuple[TimestampToken, ...]:
    """A new timestamp over the head. None where the log grew meanwhile, or the two checkers of the token differ."""
    if stamping is None:
        return ()
    made = custody.timestamp(stamping.url, stamping.chain)
    if made.size != size or made.outcome != "timestamped":
        return ()
    return (TimestampToken(read_whole(Path(made.token_file)), stamping.chain),)


def register(app: typer.Typer, open_desk: OpenDesk = open_desk_of) -> None:
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
        calibration: Annotated[
            Path | None, typer.Option("--calibration", help="With --ask: what `calibrate --json` printed.")
        ] = None,
        why: Annotated[str, typer.Option("--why", help="With --ask: why it is handed over.")] = "",
        tsa: Annotated[str | None, typer.Option("--tsa", help="A time-stamp authority (RFC 3161) to ask.")] = None,
        chain: Annotated[
            Path | None, typer.Option("--chain", help="Its certificates, PEM: its own first, the root last.")
        ] = None,
        person: PersonOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> int:
        """Write the evidence of a case for the police: exhibits, finding, custody log with proofs, two verifiers.

        Two people agree first. Example: leaktrace bundle K-7f3a91c2 --ask --recipient "Police, file 12" --why "their
        letter"; leaktrace case approve K-7f3a91c2 A-0002; leaktrace bundle K-7f3a91c2 --out evidence
        """
        check_folder(None if ask else out)
        with open_desk(context, person, key, _stamping(tsa, chain)) as desk:
            if ask:
                view = request_view(
                    ask_for(desk, case, recipient, withhold or [], why, _whole(calibration)), desk.now()
                )
                answer(view, None if as_json else render_asked(case, view.request), as_json=as_json)
                return 0
            if out is None:
                raise UsageError("No folder was given.", "Give one: --out DIR; or ask first: --ask.")
            written = hand_over_bundle(desk, case, out, recipient)
            answer(written, None if as_json else render_bundle(written), as_json=as_json)
        return 0

    app.command()(bundle)


def _stamping(url: str | None, chain: Path | None) -> Stamping | None:
    if (url is None) != (chain is None):
        raise UsageError(
            "A time-stamp needs an authority and its certificates.", "Give both --tsa URL and --chain FILE."
        )
    return None if url is None or chain is None else Stamping(url, read_whole(chain))


def _whole(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", "Give what 'calibrate --json' printed."
        ) from error


def ask_for(
    desk: BundleDesk,
    case: str,
    recipient: str | None,
    withhold: list[str],
    why: str,
    calibration: bytes | None = None,
) -> Request:
    """Takes into evidence what is missing, then asks for the hand-over; UsageError for what is no request."""
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
    desk.gather(case, calibration)
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
