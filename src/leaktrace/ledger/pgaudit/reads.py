"""Scopes of a statement -> which customers were shown which fields.

A row read through a join belongs to a customer only where every table of customers in it is held to named keys, in
WHERE or by equality with one that is; a key in the text that leaves another table free is a bulk read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leaktrace.ledger.pgaudit.ceilings import FIELDS_CEILING_COUNT, asks_too_much, names_too_much
from leaktrace.ledger.pgaudit.equalities import EqualColumns, equal_columns
from leaktrace.ledger.pgaudit.options import KEY_COLUMNS, PgauditOptions
from leaktrace.ledger.pgaudit.scopes import (
    ColumnRef,
    Comparison,
    Condition,
    Junction,
    Parameters,
    ReadScope,
    Relation,
    Statement,
)
from leaktrace.ledger.pgaudit.snapshot import Snapshot, known_values

ALL_COLUMNS = "*"
"""The field of a `SELECT *` whose table's columns are not all known; it stands beside those that are."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one scope showed."""

    customers: tuple[str, ...] | None
    """Null: it cannot be tied to customers (a bulk read)."""
    fields: tuple[str, ...]
    action: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """What is known of the database."""

    options: PgauditOptions
    columns: Mapping[str, frozenset[str]]
    """Table (lower case, without schema) -> columns that the log's statements name, in lower case."""
    snapshot: Snapshot | None = None
    whole: bool = True
    """Whether `columns` has every table that the log names columns of; else any other one may hold customers."""

    def holds_customers(self, table: str) -> bool:
        """Whether a table's rows belong to customers: by its name, or because it has a column that names one."""
        if self.options.is_customer_table(table):
            return True
        known = self.columns.get(table.rpartition(".")[2].lower())
        return not self.whole if known is None else not known.isdisjoint(self.options.key_columns(table))

    def snapshot_of(self, table: str) -> Snapshot | None:
        """The snapshot, if it is one of this table: no column is read from the table that it has not."""
        if self.snapshot is None or not self.whole or not self.options.is_customer_table(table):
            return None
        known = self.columns.get(table.rpartition(".")[2].lower(), frozenset())
        return self.snapshot if known <= set(self.snapshot.columns) else None


def shown_by(
    statement: Statement, parameters: Parameters, row_count: int | None, catalog: Catalog
) -> tuple[Shown, ...]:
    """What a statement showed of customers; nothing where it reads no table that has any.

    `row_count` null: not logged. A server that gave more rows than the statement names customers contradicts our
    reading of the statement: then it is a bulk read. So is what goes beyond a ceiling. What a statement shows twice of
    the same customers is shown once.
    """
    too_much = names_too_much(statement.scopes, parameters)
    found: list[tuple[ReadScope, Shown]] = []
    for scope in statement.scopes:
        bearing = _bearing(scope, catalog)
        if bearing:
            customers = None if too_much else _tied(scope, bearing, parameters, catalog)
            found.append((scope, Shown(customers, _fields(scope, catalog), _action(scope))))
    if _contradicted(found, row_count, catalog):
        found = [(scope, Shown(None, shown.fields, _action(scope))) for scope, shown in found]
    answers = {} if too_much else _answers(found, parameters, catalog)
    results: list[Shown] = []
    for scope, shown in dict.fromkeys(found):
        if shown.customers is not None:
            results.append(Shown(shown.customers, shown.fields, scope.action))
        else:
            results += _expanded(scope, shown, answers, row_count if len(found) == 1 else None, catalog)
    return tuple(dict.fromkeys(results))


def _action(scope: ReadScope) -> str:
    return "search" if scope.action == "view" else scope.action


def _bearing(scope: ReadScope, catalog: Catalog) -> tuple[Relation, ...]:
    """Relations of the scope whose rows belong to customers and whose columns are shown."""
    aliases = {output.alias for output in scope.outputs}
    used = [relation for relation in scope.relations if None in aliases or relation.alias in aliases]
    columns: dict[str | None, set[str]] = {}
    for ref in _refs(scope):
        columns.setdefault(ref.alias, set()).add(ref.column.lower())
    alone = columns.get(None, set()) if len(scope.relations) == 1 else set()
    keys = {relation.name: catalog.options.key_columns(relation.name) for relation in used}
    named = {
        relation.alias
        for relation in used
        if keys[relation.name] & columns.get(relation.alias, set()) or keys[relation.name] & alone
    }
    return tuple(relation for relation in used if catalog.holds_customers(relation.name) or relation.alias in named)


def _refs(scope: ReadScope) -> list[ColumnRef]:
    refs = [*scope.outputs, *(ref for pair in scope.equalities for ref in pair)]
    pending = list(scope.conditions)
    while pending:
        condition = pending.pop()
        if isinstance(condition, Comparison):
            refs.append(condition.column)
        elif isinstance(condition, Junction):
            pending += condition.parts
    return refs


# --- customers --------------------------------------------------------------------------------------------


def _tied(
    scope: ReadScope, bearing: tuple[Relation, ...], parameters: Parameters, catalog: Catalog
) -> tuple[str, ...] | None:
    columns = equal_columns(scope, catalog.columns)
    held: dict[ColumnRef, set[str]] = {}
    for condition in scope.conditions:
        for ref, values in _held(condition, columns, parameters).items():
            held[ref] = held[ref] & values if ref in held else values
    held_to: dict[tuple[str | None, str], list[tuple[int, int, set[str]]]] = {}
    for place, (ref, values) in enumerate(held.items()):
        for member in columns.equal_to(ref):
            held_to.setdefault((member.alias, member.column.lower()), []).append((len(values), place, values))
    customers: set[str] = set()
    taken: set[int] = set()
    for relation in bearing:
        keys = [
            (column not in KEY_COLUMNS, *key)
            for column in catalog.options.key_columns(relation.name)
            for key in held_to.get((relation.alias, column), ())
        ]
        if not keys:
            return None
        # `id` may be an address's or an account's: what names a customer in any table goes before it. Then fewest
        # customers, then whichever stands first in the statement.
        _, _, place, values = min(keys, key=lambda key: key[:3])
        if place not in taken:  # a hundred tables joined by one key are held to one list
            customers |= values
        taken.add(place)
    return tuple(sorted(customers))


def _held(condition: Condition, columns: EqualColumns, parameters: Parameters) -> dict[ColumnRef, set[str]]:
    """Columns (one for each group of equal ones) that the condition holds to values, and which."""
    if isinstance(condition, Comparison) and condition.kind == "equals":
        values = known_values(condition.values, parameters)
        return {} if values is None else {columns.leader(condition.column): set(values)}
    if not isinstance(condition, Junction) or condition.kind == "not":
        return {}
    said: dict[ColumnRef, list[set[str]]] = {}
    for part in condition.parts:
        for ref, held in _held(part, columns, parameters).items():
            said.setdefault(ref, []).append(held)
    if condition.kind == "and":
        return {ref: set.intersection(*each) for ref, each in said.items()}
    return {ref: set.union(*each) for ref, each in said.items() if len(each) == len(condition.parts)}


def _contradicted(found: list[tuple[ReadScope, Shown]], row_count: int | None, catalog: Catalog) -> bool:
    """Whether more rows came than customers are named, each of whom has one row in the tables that are read."""
    if row_count is None or not found:
        return False
    if not all(
        shown.customers is not None
        and len(scope.relations) == 1
        and catalog.options.is_customer_table(scope.relations[0].name)
        for scope, shown in found
    ):
        return False
    return row_count > sum(len(shown.customers or ()) for _, shown in found)


Answers = Mapping[tuple[Condition, ...], tuple[str, ...] | None]
"""Conditions -> the customers of the snapshot that they hold for; None where it cannot say."""


def _answers(found: list[tuple[ReadScope, Shown]], parameters: Parameters, catalog: Catalog) -> Answers:
    """What the snapshot says of the statement's bulk reads; nothing where they ask too much of it."""
    snapshot = catalog.snapshot
    reads = {
        (scope.conditions, shown.fields, shown.action)
        for scope, shown in found
        if shown.customers is None and _of_snapshot(scope, catalog)
    }
    queries = {conditions for conditions, _, _ in reads}
    if snapshot is None or asks_too_much(reads, queries):
        return {}
    return {conditions: snapshot.customers(conditions, parameters) for conditions in queries}


def _of_snapshot(scope: ReadScope, catalog: Catalog) -> bool:
    """Whether the scope's rows are the snapshot's, but for its conditions."""
    return scope.whole and catalog.snapshot_of(scope.relations[0].name) is not None


def _expanded(scope: ReadScope, shown: Shown, answers: Answers, row_count: int | None, catalog: Catalog) -> list[Shown]:
    """A bulk read as reads of the snapshot's customers, where the snapshot can say which.

    It cannot where a condition is not understood, where the server counted other rows than the snapshot gives, or
    where something else than conditions chose the rows. Rows beyond a whole snapshot stay a bulk read.
    """
    customers = answers.get(scope.conditions) if _of_snapshot(scope, catalog) else None
    if customers is None or (scope.conditions and row_count not in (None, len(customers))):
        return [shown]
    if not customers:
        return [shown]
    expanded = [Shown(customers, shown.fields, shown.action)]
    return [*expanded, shown] if row_count is not None and row_count > len(customers) else expanded


# --- fields -----------------------------------------------------------------------------------------------


def _fields(scope: ReadScope, catalog: Catalog) -> tuple[str, ...]:
    names: list[str] = []
    by_alias = {relation.alias: relation for relation in scope.relations}
    opened: set[tuple[str, bool]] = set()
    for output in scope.outputs:
        if output.column != ALL_COLUMNS:
            names.append(catalog.options.field_of(output.column))
            continue
        relation = by_alias[output.alias or ""]
        snapshot = catalog.snapshot_of(relation.name)
        table = (relation.bare_name.lower(), snapshot is not None)
        if table in opened:  # the same table by another name shows no further column
            continue
        opened.add(table)
        known = (
            snapshot.columns
            if snapshot
            else (*sorted(catalog.columns.get(relation.bare_name.lower(), ())), ALL_COLUMNS)
        )
        names += [catalog.options.field_of(column) for column in known]
    distinct = tuple(dict.fromkeys(names))
    return distinct if len(distinct) <= FIELDS_CEILING_COUNT else (*distinct[:FIELDS_CEILING_COUNT], ALL_COLUMNS)
