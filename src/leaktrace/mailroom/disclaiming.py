"""A mail that came by way of one of us: a spouse, a colleague, the customer's own other mailbox forwarded it on.

Then the outermost block names whoever passed it on. To take them for the sender would accuse a customer of mailing
customers, and who the block inside names is only what they say: so nobody is claimed as the sender, and it is flagged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from leaktrace.addresses import fold, normalise
from leaktrace.records import Mailbox, Original

FLAG = "sender_is_ours"
REDIRECTED_FLAG = "redirected"
"""Of a mail that came as it was, with Resent fields: our own mail system may have sent a customer's complaint on so."""
_INLINE = frozenset(("inline-html", "inline-text", "tnef"))


def disclaim(original: Original, is_ours: Callable[[str], bool]) -> Original:
    """The original without its sender where that is one of ours and it shows, or may show, a forward of a forward.

    `is_ours` says whether an address belongs to a customer or an employee. Who the sender seemed to be stays in the
    claims: the whole original, once more, as the first of them.
    """
    address = original.sender.address
    if address is None or not may_be_passed_on(original) or not is_ours(address):
        return original
    return without_sender(original, FLAG)


def without_sender(original: Original, flag: str) -> Original:
    """The original with nobody claimed as its sender, flagged why; who it seemed to be stays in the claims."""
    return replace(
        original,
        sender=Mailbox(None, None),
        on_behalf_of=None,
        sent_by=None,
        reply_to=None,
        message_id=None,
        claims=(replace(original, claims=()), *original.claims),
        flags=tuple(sorted({*original.flags, flag, "no_sender_address"})),
        spans={name: span for name, span in original.spans.items() if name not in _OF_SENDER},
    )


def may_be_passed_on(original: Original) -> bool:
    """Whether the original shows, or may show, a forward of a forward, or came by somebody else than its sender."""
    return bool(original.claims) or original.form in _INLINE or REDIRECTED_FLAG in original.flags


def is_listed(address: str, staff: Collection[str]) -> bool:
    """Whether an address is in a list of addresses and domains; a domain stands for those below it too."""
    exact = normalise(address)
    if exact is None:
        return False
    domain = exact.rpartition("@")[2]
    for one in staff:
        written = one.strip().rstrip(".").removeprefix("@").lower()
        if "@" in written:
            if fold(written) == fold(address):
                return True
        elif written and (domain == written or domain.endswith("." + written)):
            return True
    return False


_OF_SENDER = frozenset(("sender", "on_behalf_of", "sent_by", "reply_to", "message_id"))
