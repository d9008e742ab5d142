"""Hands a case over: asks for it, and once two people agreed, gathers everything for the bundle from case and log."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from leaktrace.caserecords import (
    ActionApproved,
    ActionRequested,
    ActionUsed,
    ExhibitStored,
    ExposureFrozen,
    FindingAttached,
    RecordedEvent,
    canonical,
    digest_of,
    exposure_of,
)
from leaktrace.cases import CaseMaterial, CaseWork, Request
from leaktrace.cases.custody.checkpoints import sign_checkpoint
from leaktrace.cases.custody.log import CustodyLog
from leaktrace.cases.custody.logkeys import LogKeys
from leaktrace.cases.pseudonyms import PSEUDONYM
from leaktrace.errors import ResponseError
from leaktrace.response.bundle import (
    ApprovalEnvelope,
    BundledAccess,
    BundledExhibit,
    BundleInput,
    HandOver,
    TimestampToken,
    hand_over,
)

_CALIBRATION = "leaktrace.calibration/1"
_JSON = "application/json"


class Behind(Protocol):
    """What a finding stands on, from outside the case: ledger and mail."""

    def evidence(self, campaign: str) -> bytes | None:
        """The evidence terms of a campaign as JSON; None where they cannot be made any more."""

    def mails(self, campaign: str) -> Iterator[tuple[str, bytes]]:
        """(SHA-256, raw bytes) of the messages that hold the campaign's reports."""

    def accesses(self, campaign: str, principals: Mapping[str, str]) -> tuple[BundledAccess, ...]:
        """The accesses of these principals to customers in evidence, before their mail.

        `principals`: id as ingested -> what the look-up log calls them.
        """


class HandOverDesk:
    """One person who hands a case over; what they may do is decided by `work`, at every call."""

    def __init__(
        self,
        work: CaseWork,
        log: CustodyLog,
        keys: LogKeys,
        clock: Callable[[], datetime],
        behind: Behind | None = None,
        tokens: Callable[[int], tuple[TimestampToken, ...]] = lambda _: (),
    ) -> None:
        """`tokens`: size of the log -> timestamps over its checkpoint of that size; asked for after the last entry."""
        self._work, self._log, self._keys = work, log, keys
        self._clock, self._behind, self._tokens = clock, behind, tokens
        self.approvals = work
        self.diary = work

    def sign(self, content: bytes) -> bytes:
        """By the key of the custody log; the raw signature out of its signature line."""
        line = self._keys.signer.sign(content.decode("utf-8"))
        return base64.b64decode(line.rstrip("\n").rsplit(" ", 1)[1])[4:]

    def now(self) -> datetime:
        """The time by the workspace's clock."""
        return self._clock()

    # --- asking -------------------------------------------------------------------------------------------

    def gather(self, case: str, calibration: bytes | None = None) -> int:
        """Takes into evidence what a bundle should hold and the case does not yet: raw mails, a calibration. How many.

        ResponseError for a calibration that is none.
        """
        have = {one.sha256 for one in self._work.exhibits(case)}
        attached = _last(self._work.timeline(case), FindingAttached)
        count = 0
        if calibration is not None and hashlib.sha256(calibration).hexdigest() not in have:
            if not _is_calibration(calibration):
                raise ResponseError("That is no calibration.", "Give what 'leaktrace calibrate --json' printed.")
            self._work.store_exhibit(case, "document", "Calibration of the finder", calibration, _JSON)
            count += 1
        if attached is not None and self._behind is not None:
            for sha256, raw in self._behind.mails(attached.campaign):
                if sha256 not in have:
                    self._work.store_exhibit(case, "mail", "A reported message", raw, "message/rfc822")
                    count += 1
        return count

    def ask(self, case: str, recipient: str, withheld: Mapping[str, str], why: str) -> Request:
        """Asks to hand over everything that is in evidence now, but for what is withheld with a reason."""
        stored = {one.exhibit: one for one in self._work.exhibits(case)}
        unknown = sorted(set(withheld) - set(stored))
        if unknown:
            raise ResponseError(f"There is no exhibit {', '.join(unknown)} in {case}.", "'case show' lists them.")
        if not all(reason.strip() for reason in withheld.values()):
            raise ResponseError("An exhibit is withheld without a reason.", "Give one: --withhold E-0006=REASON.")
        listed = tuple(
            BundledExhibit(one, None if name in withheld else b"", 0, (), withheld.get(name, ""))
            for name, one in stored.items()
        )
        return self._work.request(case, "hand_over", recipient, hand_over(case, recipient, listed), why)

    # --- cli.bundle.BundleDesk ----------------------------------------------------------------------------

    def approved_request(self, case: str, recipient: str | None) -> tuple[str, str]:
        """The last approved request of this person's to hand over that was not used yet; ResponseError without one."""
        everybodys = [
            one
            for one in self._work.approvals(case)
            if one.action == "hand_over" and recipient in (None, one.asked.target)
        ]
        asked = [one for one in everybodys if one.requested_by == self._work.actor_name]
        if not asked and (others := [one for one in everybodys if one.state == "approved"]):
            raise ResponseError(
                f"{others[-1].asked.request} was asked for by {others[-1].requested_by}: whoever asked uses it.",
                "Or ask for one of your own; a second person approves.",
            )
        found = [one for one in asked if one.state == "approved"]
        if not found and asked and asked[-1].state == "waiting":
            raise ResponseError(
                f"{asked[-1].asked.request} is waiting, not approved.",
                f"A second person agrees first: leaktrace case approve {case} {asked[-1].asked.request}.",
            )
        if not found:
            raise ResponseError(
                f"No unused approval to hand {case} over{' to this recipient' if recipient else ''} is there.",
                f"Ask for it: leaktrace bundle {case} --ask --recipient TEXT; a second person approves.",
            )
        return found[-1].asked.request, found[-1].asked.target

    def exhibits(self, case: str, request: str) -> tuple[BundledExhibit, ...]:
        """What the request is about; contents follow when it is used."""
        parameters = self._parameters(case, request)
        stored = {one.exhibit: one for one in self._work.exhibits(case)}
        return tuple(
            BundledExhibit(
                stored[name], None if name in parameters.withheld else b"", 0, (), parameters.withheld.get(name, "")
            )
            for name in sorted({*parameters.exhibits, *parameters.withheld})
            if name in stored
        )

    def bundle_input(self, case: str, request: str, recipient: str) -> BundleInput:
        """Everything for the bundle as case and log stand now: takes a used approval."""
        material, parameters = self._work.material(case, request), self._parameters(case, request)
        head = self._log.head()
        events = tuple(sorted((*material.people_events, *material.events), key=lambda one: one.entry.index))
        contents = {stored.exhibit: content for stored, content in material.exhibits}
        attached = _handed_over(material.events, FindingAttached, parameters)
        frozen = _handed_over(material.events, ExposureFrozen, parameters)
        return BundleInput(
            case=case,
            title=material.case.title,
            origin=self._keys.origin,
            public_key=self._keys.signer.key.public,
            written_at=self._clock(),
            recipient=recipient,
            request=request,
            exhibits=self._bundled(material, parameters, contents, head.size),
            events=tuple(one for one in events if one.entry.index < head.size),
            leaves=tuple(self._log.leaves(0, head.size)),
            checkpoint=sign_checkpoint(head, self._keys.signer).encode(),
            approvals=_envelopes(material),
            tokens=self._tokens(head.size),
            finding=contents.get(attached.exhibit) if attached else None,
            evidence=self._behind.evidence(attached.campaign) if attached and self._behind else None,
            calibration=_calibration(material, parameters),
            accesses=self._accesses(material, attached),
            exposure=exposure_of(json.loads(contents[frozen.exhibit])) if frozen else None,
            names=_names(material, with_finding=attached is not None, with_exposure=frozen is not None),
        )

    # --- inside -------------------------------------------------------------------------------------------

    def _parameters(self, case: str, request: str) -> HandOver:
        """What the request is about, as the exhibit before it says; ResponseError when its digest is another."""
        before: list[ExhibitStored] = []
        for one in self._work.timeline(case):
            if isinstance(one.event, ExhibitStored):
                before.append(one.event)
            if isinstance(one.event, ActionRequested) and one.event.request == request:
                wanted = one.event.parameters_sha256
                exhibit = next((stored for stored in reversed(before) if stored.sha256 == wanted), None)
                if exhibit is not None:
                    record = HandOver(**json.loads(self._work.read_exhibit(case, exhibit.exhibit)))
                    if digest_of(record) == wanted:
                        return record
        raise ResponseError(f"What {request} is about is not in {case}.", "Ask for the hand-over anew.")

    def _bundled(
        self, material: CaseMaterial, parameters: HandOver, contents: Mapping[str, bytes], size: int
    ) -> tuple[BundledExhibit, ...]:
        places = {
            one.event.exhibit: (one.event, one.entry.index)
            for one in material.events
            if isinstance(one.event, ExhibitStored)
        }
        made = []
        for name in sorted({*parameters.exhibits, *parameters.withheld}):
            stored, index = places[name]
            reason = parameters.withheld.get(name, "")
            proof = tuple(digest.hex() for digest in self._log.inclusion(index, size))
            made.append(BundledExhibit(stored, None if reason else contents[name], index, proof, reason))
        return tuple(made)

    def _accesses(self, material: CaseMaterial, attached: FindingAttached | None) -> tuple[BundledAccess, ...]:
        if attached is None or self._behind is None:
            return ()
        case = material.case.case
        named = {material.names[mark]: f"{case} {mark}" for mark in attached.named if mark in material.names}
        return self._behind.accesses(attached.campaign, named)


def _last(events: tuple[RecordedEvent, ...], kind: type[Any]) -> Any:
    return next((one.event for one in reversed(events) if isinstance(one.event, kind)), None)


def _handed_over(events: tuple[RecordedEvent, ...], kind: type[Any], parameters: HandOver) -> Any:
    """The last one whose exhibit the request knows. None where that is withheld: then all that is made of it is too."""
    known = (one.event for one in reversed(events) if isinstance(one.event, kind))
    last = next((one for one in known if one.exhibit in {*parameters.exhibits, *parameters.withheld}), None)
    return last if last is not None and last.exhibit in parameters.exhibits else None


def _names(material: CaseMaterial, *, with_finding: bool, with_exposure: bool) -> dict[str, str]:
    """Whom the pseudonyms stand for. Without the finding, or the list of customers, those that the events show."""
    shown = {mark for one in material.events for mark in PSEUDONYM.findall(canonical(one.document()).decode())}
    whole = {"P": with_finding, "C": with_exposure}
    return {mark: name for mark, name in sorted(material.names.items()) if whole[mark[0]] or mark in shown}


def _envelopes(material: CaseMaterial) -> tuple[ApprovalEnvelope, ...]:
    """The envelope of each request that was approved or used, by the digest that its event names."""
    by_digest = {stored.sha256: content for stored, content in material.exhibits}
    wanted = {
        one.event.request: one.event.envelope_sha256
        for one in material.events
        if isinstance(one.event, ActionApproved | ActionUsed)
    }
    return tuple(ApprovalEnvelope(request, by_digest[digest]) for request, digest in sorted(wanted.items()))


def _calibration(material: CaseMaterial, parameters: HandOver) -> bytes | None:
    """The last calibration that was taken into evidence and is handed over."""
    found = (
        content
        for stored, content in reversed(material.exhibits)
        if stored.exhibit in parameters.exhibits and stored.kind == "document" and stored.media_type == _JSON
    )
    return next((content for content in found if _is_calibration(content)), None)


def _is_calibration(content: bytes) -> bool:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("schema") == _CALIBRATION
