"""How genuine an attached message is: G1 to G4, each with its reason (words and inline forwards are judged elsewhere).

G4  a good DKIM signature of the sender's own domain over the From field and the whole body;
G3  a whole ARC chain whose newest sealer is believed and says that the sender's domain was authenticated when it came;
G2  attached whole, and nothing above;
G1  attached, but its body is not the one that was signed: a list changed it, or whoever made the report.

A grade says who the message is from, never how many people got it: a signed message can be sent on to anybody.
"""

from __future__ import annotations

from collections.abc import Collection

from leaktrace.mailroom.arc import Chain
from leaktrace.mailroom.authentication import Signed, passing_domains
from leaktrace.mailroom.domains import registrable
from leaktrace.mailroom.results import domain_in, read_results
from leaktrace.records import Grade

_SEVERAL = frozenset({"several_from_fields", "several_senders"})
_WEAKENED = _SEVERAL | {"partial_body_signed", "signature_key_in_testing"}


def grade_of(
    sender: str | None, signed: Signed, flags: Collection[str], *, believed: Collection[str], headers_only: bool
) -> tuple[Grade, str]:
    """The grade of an attached message and why. `sender`: its From address; `believed`: domains of believed sealers."""
    if headers_only:
        return "G2", "the message's header as the reporting provider attached it, without its body"
    if signed.authentication.body_hash_matches is False:
        return "G1", "attached, but its body is not the one that was signed (DKIM body hash mismatch)"
    domains = passing_domains(signed.authentication)
    domain = (sender or "").rpartition("@")[2]
    aligned = [one for one in domains if domain and same_organisation(one, domain)]
    if aligned and not _WEAKENED.intersection(flags):
        return "G4", f"attached, with a good DKIM signature of the sender's domain ({aligned[0]})"
    sealer = _believed_sealer(domain, signed.chain, believed)
    if sealer is not None and not _SEVERAL.intersection(flags):
        return "G3", f"attached; {sealer}, which is believed, sealed that {domain} was authenticated when it came (ARC)"
    if aligned:
        return "G2", f"attached; the DKIM signature of {aligned[0]} is good but leaves room for changes"
    if domains:
        return "G2", f"attached; the only good DKIM signature is of another domain ({domains[0]})"
    if signed.chain.result == "pass":
        return (
            "G2",
            f"attached; the ARC chain is whole, but {signed.chain.sealers[0]} is not on the list of believed sealers",
        )
    if signed.authentication.dkim:
        return "G2", "attached; the body is the one that was signed, the signature itself could not be confirmed"
    return "G2", "attached whole, without a DKIM signature"


def _believed_sealer(domain: str, chain: Chain, believed: Collection[str]) -> str | None:
    """The newest sealer, if it is believed and says that mail of this domain was authenticated."""
    if chain.result != "pass" or not domain or "from" not in chain.covers or not chain.whole_body:
        return None
    sealer = chain.sealers[0]
    names = {name.strip().rstrip(".").lower() for name in believed}
    if not any(sealer == name or sealer.endswith("." + name) for name in names if name):
        return None
    said = any(same_organisation(one, domain) for one in authenticated_domains(chain.results[0]))
    return sealer if said else None


def authenticated_domains(results: str) -> tuple[str, ...]:
    """Domains that an Authentication-Results value says passed DKIM or DMARC (RFC 8601, section 2.2)."""
    names = {"dkim": ("header.d", "header.i"), "dmarc": ("header.from",)}
    found = []
    for one in read_results(results).statements:
        said = [one.properties[name] for name in names.get(one.method, ()) if name in one.properties]
        if said and one.result == "pass":
            found.append(domain_in(said[0]))
    return tuple(found)


def same_organisation(first: str, second: str) -> bool:
    """Whether two domains belong to one registered domain (RFC 7489, section 3.2)."""
    first, second = first.rstrip(".").lower(), second.rstrip(".").lower()
    if first == second:
        return True
    one = registrable(first)
    return one is not None and one == registrable(second)
