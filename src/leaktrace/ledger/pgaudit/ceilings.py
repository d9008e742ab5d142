"""How much of one statement is looked into; beyond it a read is not tied to customers and stays a bulk read.

Whoever may write SQL may write a UNION of hundreds of queries over all customers, or name one long list of keys
hundreds of times. No ceiling is near what an application or a person asks for in one statement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from leaktrace.ledger.pgaudit.scopes import ArrayOf, Comparison, Condition, Junction, Parameter, Parameters, ReadScope

SNAPSHOT_READS_CEILING_COUNT = 16
"""Different reads of one statement that become an access for each customer of the snapshot."""
SNAPSHOT_CONDITIONS_CEILING_COUNT = 200
"""Conditions of such reads, taken together: each is tried on every row of the snapshot."""
COMPARED_CEILING_CHARACTERS = 20_000_000
"""Values that conditions compare with, each as often as it stands there; a record of a log holds 8,000,000."""
PATTERN_CEILING_CHARACTERS = 1_000
"""Of one LIKE pattern: each of its pieces is compiled."""
FIELDS_CEILING_COUNT = 1_664
"""Columns of one select list (PostgreSQL manual, appendix K)."""
COLUMNS_CEILING_COUNT = 1_600
"""Columns of one table (the same)."""


def names_too_much(scopes: Iterable[ReadScope], parameters: Parameters) -> bool:
    """Whether the values that the scopes compare with are more than is looked through."""
    left = COMPARED_CEILING_CHARACTERS
    for condition in _each(condition for scope in scopes for condition in scope.conditions):
        for value in condition.values if isinstance(condition, Comparison) else ():
            plain = value.value if isinstance(value, ArrayOf) else value
            left -= len((parameters.get(plain.number) if isinstance(plain, Parameter) else plain) or "")
    return left < 0


def asks_too_much(reads: Collection[object], queries: Iterable[tuple[Condition, ...]]) -> bool:
    """Whether one statement's reads of the snapshot, or the conditions of the queries behind them, are too many."""
    if len(reads) > SNAPSHOT_READS_CEILING_COUNT:
        return True
    conditions = sum(1 for _ in _each(condition for query in queries for condition in query))
    return conditions > SNAPSHOT_CONDITIONS_CEILING_COUNT


def _each(conditions: Iterable[Condition]) -> Iterator[Condition]:
    """The conditions and those inside them."""
    pending = list(conditions)
    while pending:
        condition = pending.pop()
        yield condition
        if isinstance(condition, Junction):
            pending += condition.parts
