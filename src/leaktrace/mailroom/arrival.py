"""Who sent the message itself to us, where the envelope is known: SPF and DMARC of whoever reports, or mails a decoy.

1. the envelope was told by our own mail system (`Envelope`) and the DNS may be asked: SPF and DMARC are computed here;
2. else what our own border server wrote above the message counts (`ownresults`);
3. else nothing is known, and nothing is said.

`confirmed` and `disowned` are about the domain in the message's one From field, and about this message only. A message
that is carried inside came another way: its grade never rests on any of this.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from leaktrace.mailroom.authentication import Signed
from leaktrace.mailroom.dmarc import POLICIES, SPF, aligned_with, check_dmarc
from leaktrace.mailroom.domains import canonical_host
from leaktrace.mailroom.mailboxes import read_mailboxes
from leaktrace.mailroom.mime import Part
from leaktrace.mailroom.ownresults import own_statements, said_of
from leaktrace.mailroom.results import Statement, domain_in
from leaktrace.mailroom.sources import Envelope
from leaktrace.mailroom.spf import Names, check_host
from leaktrace.records import (
    Arrival,
    DkimResult,
    DmarcPolicy,
    DmarcResult,
    DmarcVerdict,
    KnownBy,
    SpfResult,
    SpfVerdict,
)
from leaktrace.settings import Settings

_LEAVES_ROOM = frozenset(("partial_body_signed", "signature_key_in_testing"))
_POLICY = re.compile(r"\b(?:p|policy)=(none|quarantine|reject)\b", re.IGNORECASE)
_SPF: dict[str, SpfVerdict] = {
    "pass": "pass",
    "fail": "fail",
    "hardfail": "fail",
    "softfail": "softfail",
    "neutral": "neutral",
    "none": "none",
    "temperror": "temperror",
    "permerror": "permerror",
}
_DMARC: dict[str, DmarcVerdict] = {
    "pass": "pass",
    "fail": "fail",
    "none": "none",
    "temperror": "temperror",
    "permerror": "permerror",
}
_NO_DOMAIN = "the From field names no one domain"


def judge_arrival(
    message: Part,
    envelope: Envelope | None,
    signed: Signed,
    names: Names | None,
    settings: Settings,
    *,
    by_field: str = "from",
) -> Arrival | None:
    """How a message came, and whether its sender is who it says; null where nobody who is believed says how it came.

    `by_field`: where it says so; "resent-from" of one that was redirected: the writer's domain does not vouch for that.
    """
    domain = _domain_of(message, by_field)
    if envelope is not None and names is not None:
        spf = check_host(envelope.client_address, envelope.sender, envelope.greeting, names)
        dmarc = (
            DmarcResult("permerror", "", None, (), _NO_DOMAIN)
            if domain is None
            else check_dmarc(domain, spf, signed.authentication.dkim, names)
        )
        return _judged("listener", spf, dmarc, signed.flags)
    statements = own_statements(message, settings)
    if not statements:
        return None
    spf_said = _spf_said(statements)
    return _judged("own_results", spf_said, _dmarc_said(statements, spf_said, domain), ())


def _domain_of(message: Part, by_field: str) -> str | None:
    """The domain of the one such field with one address; null for anything else, which no policy is about."""
    if len(message.all_fields(by_field)) != 1:
        return None
    found = read_mailboxes(message.unfolded(by_field) or "", encoded=True)
    address = found[0].mailbox.address if len(found) == 1 else None
    return canonical_host(address.rpartition("@")[2]) if address and "@" in address else None


def _judged(known_by: KnownBy, spf: SpfResult | None, dmarc: DmarcResult | None, flags: Collection[str]) -> Arrival:
    sure = dmarc is not None and (SPF in dmarc.aligned or (dmarc.aligned and not _LEAVES_ROOM.intersection(flags)))
    if dmarc is not None and sure and dmarc.result in ("pass", "none"):
        return Arrival(known_by, spf, dmarc, "confirmed", dmarc.reason)
    if dmarc is not None and dmarc.result == "fail" and dmarc.policy in ("quarantine", "reject"):
        return Arrival(known_by, spf, dmarc, "disowned", dmarc.reason)
    reason = (
        "our border server does not say whether the domain in From vouches for it" if dmarc is None else dmarc.reason
    )
    return Arrival(known_by, spf, dmarc, "unknown", reason)


def _spf_said(statements: Sequence[Statement]) -> SpfResult | None:
    said = said_of(statements, "spf")
    verdict = _SPF.get(said.result) if said is not None else None
    if said is None or verdict is None:
        return None
    mailed = said.properties.get("smtp.mailfrom") or said.properties.get("smtp.helo") or ""
    return SpfResult(verdict, domain_in(mailed), "our border server says so")


def _dmarc_said(statements: Sequence[Statement], spf: SpfResult | None, domain: str | None) -> DmarcResult | None:
    """DMARC as the border server found it; null where it says nothing of this From field."""
    said = said_of(statements, "dmarc")
    if domain is None:
        return DmarcResult("permerror", "", None, (), _NO_DOMAIN)
    dkim = [
        DkimResult(domain_in(one.properties.get("header.d") or one.properties.get("header.i") or ""), "", "pass", ())
        for one in statements
        if one.method == "dkim" and one.result == "pass"
    ]
    aligned = aligned_with(domain, spf, dkim)
    if said is None:
        reason = f"our border server says that {' and '.join(aligned[:3])} passed, and nothing of DMARC"
        return DmarcResult("none", domain, None, aligned, reason) if aligned else None
    verdict = _DMARC.get(said.result)
    if verdict is None or domain_in(said.properties.get("header.from", "")) != domain:
        return None
    policy = _POLICY.search(said.comments)
    asked: DmarcPolicy | None = POLICIES[policy.group(1).lower()] if policy else None
    # That DMARC passed is said as a whole; what it rests on need not be said beside it.
    vouching = (aligned or (domain,)) if verdict == "pass" else () if verdict == "fail" else aligned
    return DmarcResult(verdict, domain, asked, vouching, f"our border server says dmarc={verdict} of {domain}")
