"""What our own border server wrote above a message about its sender (RFC 8601), and nothing that anybody else wrote.

Everybody can write Authentication-Results with our name in it (RFC 8601, section 5). So, from the top of the message:
1. a Received field counts as ours where its `by` is a trusted host;
2. below it the fields are still ours only where every address it names on its `from` side is a trusted forwarder's: the
   name a client gives itself, which stands there too, is the client's word;
3. results count that bear our name and stand above the Received field where that ends, the border's own; where no
   Received field at the top is ours, nothing counts.

A filter that writes its results below the border's own Received field writes among what came from outside: they do not
count, for nobody can tell the two apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from leaktrace.mailroom.forwarders import Forwarders
from leaktrace.mailroom.headers import unfolded
from leaktrace.mailroom.mime import Field, Part
from leaktrace.mailroom.received import is_by
from leaktrace.mailroom.results import Results, Statement, read_results
from leaktrace.settings import Settings

_ADDRESS = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]", re.IGNORECASE)
_BY = re.compile(r"\sby\s", re.IGNORECASE)
_SOCKET, _LISTENER = "(a local socket)", " (leaktrace) with "
_FIELD_CEILING_COUNT = 200


def own_statements(message: Part, settings: Settings) -> tuple[Statement, ...]:
    """What our border server found, topmost first; empty where nothing on the message is surely its word."""
    ours = {name.strip().lower() for name in settings.own_authserv_ids} - {""}
    if not ours:
        return ()
    forwarders = Forwarders(settings.trusted_forwarders)
    found: list[Statement] = []
    for field in message.fields[:_FIELD_CEILING_COUNT]:
        if field.name in ("authentication-results", "received-spf"):
            results = _results(message, field)
            found += results.statements if results.server in ours else ()
        elif field.name == "received":
            text = unfolded(message.value_of(field))
            if not is_by(text, settings.trusted_receivers):
                return ()
            if not _is_handed_on(text, forwarders):
                return tuple(found)
    return ()


def _is_handed_on(received: str, forwarders: Forwarders) -> bool:
    """Whether a server of ours had it from another one of ours."""
    side = _BY.split(received, maxsplit=1)[0]
    addresses = _ADDRESS.findall(side)
    if not addresses and side.rstrip().endswith(_SOCKET) and _LISTENER in received:
        return forwarders.has_peer(None)
    return bool(addresses) and all(forwarders.has_address(one) for one in addresses)


def _results(message: Part, field: Field) -> Results:
    # Encoded words stay as they are: decoded, a stranger's address could bring quotes of its own.
    text = unfolded(message.value_of(field))
    return read_results(text) if field.name == "authentication-results" else _received_spf(text)


def _received_spf(text: str) -> Results:
    """A Received-SPF field (RFC 7208, section 9.1) as the same; its server is the one it names as receiver."""
    parsed = read_results(f"; spf={text}")
    if not parsed.statements:
        return Results("", ())
    one = parsed.statements[0]
    # The pairs are separated by semicolons: each is a statement to the reader of results.
    pairs: dict[str, str] = dict(one.properties)
    for other in parsed.statements[1:]:
        pairs.setdefault(other.method, other.result)
    kept = {"smtp.mailfrom": pairs.get("envelope-from", ""), "smtp.helo": pairs.get("helo", "")}
    properties = {name: value.strip("<>") for name, value in kept.items() if value}
    return Results(pairs.get("receiver", "").lower(), (Statement("spf", one.result, properties),))


def said_of(statements: Sequence[Statement], method: str) -> Statement | None:
    """The topmost statement by that method."""
    return next((one for one in statements if one.method == method), None)
