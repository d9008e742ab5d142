"""The tables of a story as files: Parquet and CSV as DESIGN 4.1 names their columns. The same story, the same bytes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from leaktrace.simulate.model import (
    LOG_DAYS,
    LOG_START,
    MICROSECONDS_A_DAY,
    NO_TICKET,
    VIEWS,
    Accesses,
    Contacts,
    Customers,
    Numbers,
    World,
    moment,
)
from leaktrace.simulate.wording import wording
from leaktrace.simulate.world import CONTACT_KINDS

_INSTANT = pa.timestamp("us", tz="UTC")
_FIRST_CUSTOMER_NUMBER = 10_000_000


def customer_id(number: int) -> str:
    """A customer's id as all files write it."""
    return f"c{_FIRST_CUSTOMER_NUMBER + number}"


def customer_ids(customers: Customers, positions: Numbers) -> tuple[str, ...]:
    """Ids of these customers, sorted."""
    return tuple(sorted(customer_id(number) for number in customers.number[positions].tolist()))


def access_months(accesses: Accesses) -> list[tuple[str, slice]]:
    """`YYYY-MM` and the rows of each month, in order; accesses are in time order."""
    months = accesses.at.astype("datetime64[us]").astype("datetime64[M]")
    names, starts = np.unique(months, return_index=True)
    ends = [*starts[1:].tolist(), len(accesses)]
    return [(str(name), slice(a, b)) for name, a, b in zip(names, starts.tolist(), ends, strict=True)]


def write_accesses(path: Path, world: World, accesses: Accesses, rows: slice) -> None:
    """One file of accesses."""
    tools, actions, fields = zip(*VIEWS, strict=True)
    ticket = accesses.ticket[rows]
    view = accesses.view[rows]
    table = pa.table(
        {
            "at": pa.array(accesses.at[rows], _INSTANT),
            "principal": _taken(world.staff.name, accesses.principal[rows]),
            "customer": _customer_column(world.customers, accesses.customer[rows]),
            "fields": _taken([list(f) for f in fields], view, pa.list_(pa.string())),
            "action": _taken(actions, view),
            "tool": _taken(tools, view),
            "reason": _labelled("T-", pa.array(ticket, pa.int64(), mask=ticket == NO_TICKET)),
        }
    )
    _write(table, path)


def write_contacts(path: Path, world: World, contacts: Contacts) -> None:
    """The contacts table."""
    table = pa.table(
        {
            "at": pa.array(contacts.at, _INSTANT),
            "customer": _customer_column(world.customers, contacts.customer),
            "seller": _taken(world.sellers.seller, contacts.seller),
            "kind": _taken(CONTACT_KINDS, contacts.kind),
            "product": _labelled("p", pa.array(contacts.product, pa.int64())),
        }
    )
    _write(table, path)


def write_customers(path: Path, world: World) -> None:
    """The customers table, by id."""
    customers = world.customers
    order = np.argsort(customers.number)
    region = customers.region[order]
    table = pa.table(
        {
            "customer": _customer_column(customers, order),
            "email": _taken(customers.email, order),
            "locale": _taken([place.locale for place in world.places], region),
            "jurisdiction": _taken([place.jurisdiction for place in world.places], region),
            "region": _taken([place.name for place in world.places], region),
            "segment": _taken(wording("places")["segments"], customers.segment[order]),
        }
    )
    _write(table, path)


def write_principals(path: Path, world: World) -> None:
    """The principals table, by id."""
    staff = world.staff
    rows = zip(staff.name, staff.team, staff.site, staff.kind, staff.reports_to, strict=True)
    terms = zip(staff.start_day.tolist(), staff.end_day.tolist(), strict=True)
    _write_csv(
        path,
        ("principal", "team", "site", "kind", "reports_to", "active_from", "active_to"),
        sorted(
            (*row, _day(start) if start else "", _day(end) if end < LOG_DAYS else "")
            for row, (start, end) in zip(rows, terms, strict=True)
        ),
    )


def write_sellers(path: Path, world: World) -> None:
    """The sellers table, by id; domains separated by semicolons."""
    sellers = world.sellers
    rows = zip(sellers.seller, sellers.name, sellers.domains, strict=True)
    _write_csv(
        path,
        ("seller", "name", "domains", "status"),
        sorted((seller, name, ";".join(domains), "active") for seller, name, domains in rows),
    )


def _day(day: int) -> str:
    return moment(LOG_START + day * MICROSECONDS_A_DAY).isoformat()


def _labelled(label: str, numbers: pa.Array[Any]) -> pa.Array[Any]:
    """`label` and the number, as text; null stays null."""
    labels, nothing = (pa.array([text] * len(numbers), pa.string()) for text in (label, ""))
    return pc.binary_join_element_wise(labels, pc.cast(numbers, pa.string()), nothing)


def _taken(values: Sequence[Any], positions: Numbers, kind: pa.DataType | None = None) -> pa.Array[Any]:
    return pa.array(values, kind or pa.string()).take(positions)


def _customer_column(customers: Customers, positions: Numbers) -> pa.Array[Any]:
    return _taken([customer_id(number) for number in customers.number.tolist()], positions)


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd", row_group_size=131_072)


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
