"""By which tool and type of ticket customers were shown, against the same answer computed in plain Python."""

from __future__ import annotations

import re
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger.small_ledgers import START, Access, key, microseconds, open_ledger, write_accesses

ACCESSES = st.lists(
    st.builds(
        Access,
        st.integers(0, 40).map(lambda days: START + timedelta(days=days)),
        st.sampled_from(["ann", "bob", "cleo", "dan"]),
        st.sampled_from(["c1", "c2", "c3", "c4"]),
        st.sampled_from([("email",), ("phone",), ("email", "phone")]),
        st.just("view"),
        st.sampled_from(["crm", "export", None]),
        st.sampled_from([None, "T-12", "RMA 7", "Käse#3", "asked by 2 customers", "17"]),
    ),
    min_size=1,
    max_size=30,
)
TICKET = re.compile(r"^\s*([^\W\d_]{1,12})[-_#:/ ]?\d+\s*$")


def labels_of(access: Access) -> list[str]:
    """What the access counts for."""
    found = [f"tool {access.tool}"] if access.tool else []
    ticket = TICKET.match(access.reason or "")
    return [*found, f"ticket type {ticket[1]}"] if ticket else found


@settings(max_examples=25, deadline=None)
@given(ACCESSES, st.integers(1, 40))
def test_channels_are_as_plain_python_has_them(accesses: list[Access], day: int) -> None:
    end = START + timedelta(days=day)
    first: dict[tuple[str, int], int] = {}
    users: dict[str, dict[str, set[str]]] = {}
    for access in accesses:
        if "email" not in access.fields or not end - timedelta(days=30) <= access.at < end:
            continue
        for label in labels_of(access):
            at = microseconds(access.at)
            pair = (label, key(access.customer))
            first[pair] = min(first.get(pair, at), at)
            users.setdefault(label, {}).setdefault(access.principal, set()).add(access.customer)
    shared = {
        label
        for label, by in users.items()
        if max(len(own) for own in by.values()) <= 0.5 * len(set().union(*by.values()))
    }
    with tempfile.TemporaryDirectory() as folder:
        file = write_accesses(Path(folder) / "log.csv", accesses)
        with open_ledger(Path(folder) / "ledger") as ledger:
            ledger.ingest("accesses", [file])
            used = ledger.channels({key(f"c{n}"): end for n in range(1, 5)}, "email", 30)
    rows = zip(used.channel.tolist(), used.customer.tolist(), used.first_shown_at.tolist(), strict=True)
    assert {(used.labels[channel], customer): at for channel, customer, at in rows} == {
        pair: at for pair, at in first.items() if pair[0] in shared
    }
    assert list(used.labels) == sorted(shared)
