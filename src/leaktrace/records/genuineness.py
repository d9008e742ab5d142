"""Whether a message is what it says it is: SPF, DKIM, DMARC, and how it came to us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class DkimResult:
    """What one DKIM signature says (RFC 6376); `covers` are the signed header fields."""

    domain: str
    selector: str
    result: Literal["pass", "fail", "no_key", "body_hash_mismatch", "unsupported", "error", "expired"]
    covers: tuple[str, ...]


SpfVerdict = Literal["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"]
DmarcVerdict = Literal["pass", "fail", "none", "temperror", "permerror"]
DmarcPolicy = Literal["none", "quarantine", "reject"]
KnownBy = Literal["listener", "own_results"]


@dataclass(frozen=True, slots=True)
class SpfResult:
    """What a domain says of the client that handed a mail over in its name (RFC 7208, section 2.6)."""

    result: SpfVerdict
    domain: str
    """Of the envelope's sender; of the greeting where that is the null sender."""
    reason: str


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """Whether a mail meets what the domain in its From field asks for (RFC 7489)."""

    result: DmarcVerdict
    domain: str
    """In the From field; empty where that names none or several."""
    policy: DmarcPolicy | None
    """What the domain asks to be done with mail that fails; null where it publishes nothing, or nobody looked."""
    aligned: tuple[str, ...]
    """What vouches for that domain: `spf` and the domains of good DKIM signatures."""
    reason: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a message itself came to our mailbox, where that is known, and what follows for the sender in its From field.

    It is about whoever sent the message to us, never about the messages it carries.
    """

    known_by: KnownBy
    """The envelope as our listener was told it, or what our own border server wrote above the message."""
    spf: SpfResult | None
    """Null where our border server says nothing of it."""
    dmarc: DmarcResult | None
    sender: Literal["confirmed", "disowned", "unknown"]
    """`confirmed`: the domain in From vouches for the mail; `disowned`: it asks that such mail be not believed."""
    reason: str


@dataclass(frozen=True, slots=True)
class Authentication:
    """What could be checked about a message's genuineness."""

    dkim: tuple[DkimResult, ...] = ()
    arc_cv: Literal["none", "pass", "fail"] | None = None
    """Null where ARC was not evaluated (no keys), or an earlier hop had found the chain broken and ended it."""
    body_hash_matches: bool | None = None
    """Null where nothing is signed."""
