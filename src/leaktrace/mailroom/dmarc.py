"""Whether a mail meets what the domain in its From field asks for: DMARC (RFC 7489). The DNS is given.

1. the policy: of the very domain, else of the organisation's; several, or one that cannot be read: there is none;
2. alignment: SPF that passes for a domain of the same organisation, or a good DKIM signature of one; under `s` the same
   domain; either is enough;
3. where neither is there and an answer of the DNS is missing that could have made it, temperror and not fail.

`pct=` below 100 and `t=y` say that the owner only tries the policy out: the next milder one is taken (section 6.6.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from leaktrace.mailroom.domains import canonical_host, registrable
from leaktrace.mailroom.grades import same_organisation
from leaktrace.mailroom.spf import Names
from leaktrace.records import DkimResult, DmarcPolicy, DmarcResult, SpfResult

SPF = "spf"
POLICIES: dict[str, DmarcPolicy] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}
_MILDER: dict[DmarcPolicy, DmarcPolicy] = {"reject": "quarantine", "quarantine": "none", "none": "none"}
_RECORD_CEILING_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class _Published:
    policy: DmarcPolicy
    strict_spf: bool
    strict_dkim: bool
    at: str


def check_dmarc(written_domain: str, spf: SpfResult | None, dkim: Sequence[DkimResult], names: Names) -> DmarcResult:
    """The result for the one domain of a From field. `spf` is of the envelope's sender."""
    domain = canonical_host(written_domain)
    if domain is None:
        return DmarcResult("permerror", "", None, (), "the From field names no domain that can be asked")
    found = _discovered(domain, names)
    if found is None:
        return DmarcResult("temperror", domain, None, (), f"the DNS did not answer for the policy of {domain}")
    aligned = aligned_with(
        domain, spf, dkim, strict_spf=bool(found and found.strict_spf), strict_dkim=bool(found and found.strict_dkim)
    )
    vouched = f"{_named(aligned)} vouches for {domain}"
    if not found:
        silent = f"{domain} publishes no DMARC policy"
        return DmarcResult("none", domain, None, aligned, f"{vouched}; {silent}" if aligned else silent)
    if aligned:
        return DmarcResult("pass", domain, found.policy, aligned, vouched)
    if _may_be_missing(domain, spf, dkim, names):
        return DmarcResult("temperror", domain, found.policy, (), f"the DNS did not answer all that {domain} stands on")
    return DmarcResult(
        "fail",
        domain,
        found.policy,
        (),
        f"neither SPF nor DKIM vouches for {domain}, whose policy ({found.policy}, at {found.at}) asks for one of them",
    )


def aligned_with(
    domain: str,
    spf: SpfResult | None,
    dkim: Sequence[DkimResult],
    *,
    strict_spf: bool = False,
    strict_dkim: bool = False,
) -> tuple[str, ...]:
    """What vouches for the domain: `spf`, and the domains of good signatures (section 3.1)."""
    found = [SPF] if spf is not None and spf.result == "pass" and _is_aligned(spf.domain, domain, strict_spf) else []
    good = {one.domain.lower() for one in dkim if one.result == "pass" and _is_aligned(one.domain, domain, strict_dkim)}
    return (*found, *sorted(good))


def _named(aligned: Sequence[str]) -> str:
    signers = [f"the DKIM signature of {one}" for one in aligned if one != SPF]
    return " and ".join([*(["SPF"] if SPF in aligned else []), *signers[:2]])


def _is_aligned(one: str, domain: str, strict: bool) -> bool:
    return one.lower() == domain if strict else same_organisation(one, domain)


def _discovered(domain: str, names: Names) -> _Published | Literal[False] | None:
    """The policy; False: none is published; None: the DNS did not answer (section 6.6.3)."""
    organisation = registrable(domain)
    for at in dict.fromkeys((domain, organisation or domain)):
        texts = names.find(f"_dmarc.{at}", "TXT")
        if texts is None:
            return None
        found = [text for text in texts if text.partition(";")[0].replace(" ", "") == "v=DMARC1"]
        if found:
            return _published(found[0], at, is_above=at != domain) if len(found) == 1 else False
    return False


def _published(record: str, at: str, *, is_above: bool) -> _Published | Literal[False]:
    tags: dict[str, str] = {}
    for piece in record[:_RECORD_CEILING_CHARACTERS].split(";"):
        name, equals, value = piece.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip().lower())
    asked = tags.get("sp", tags.get("p", "")) if is_above else tags.get("p", "")
    policy = POLICIES.get(asked)
    if policy is None:
        # A domain that only wants reports is taken for one that asks for nothing else (section 6.6.3, step 6).
        if not tags.get("rua", "").startswith("mailto:"):
            return False
        policy = "none"
    if tags.get("pct", "100") != "100" or tags.get("t") == "y":
        policy = _MILDER[policy]
    return _Published(policy, tags.get("aspf") == "s", tags.get("adkim") == "s", at)


def _may_be_missing(domain: str, spf: SpfResult | None, dkim: Sequence[DkimResult], names: Names) -> bool:
    """Whether something that could vouch for the domain was not to be had."""
    if spf is not None and spf.result == "temperror" and same_organisation(spf.domain, domain):
        return True
    unseen = [one for one in dkim if one.result == "no_key" and same_organisation(one.domain, domain)]
    return any(names.find(f"{one.selector}._domainkey.{one.domain}", "TXT") is None for one in unseen)
