"""What one SQL statement reads: a scope for each SELECT, RETURNING or COPY in it that shows columns to somebody.

Judged by what could be shown, not by what was: a column counts as read where it stands in a select list outside
`count(...)`, an inner query's select list counts although the outer query may drop it. Predicates show nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Action = Literal["view", "export", "update"]


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view in a FROM clause; names in lower case unless they were quoted."""

    name: str
    """With its schema where the statement says it."""
    alias: str

    @property
    def bare_name(self) -> str:
        """Without schema."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """A column as the statement names it; `*` is all columns."""

    alias: str | None
    """Of the relation; null where the statement does not say."""
    column: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """`$1` and so on, with its value in the log's PARAMETER field; or a constant of the text that was numbered."""

    number: int


Parameters = Mapping[int, str | None]
"""Number -> value; null for one that was NULL, empty or too long for the log."""


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """`= ANY (...)` over one array value, which a text or parameter spells as an array literal."""

    value: str | Parameter


Value = str | Parameter | ArrayOf


@dataclass(frozen=True, slots=True)
class Comparison:
    """The column equals one of the values (`equals`), or matches a LIKE pattern."""

    column: ColumnRef
    kind: Literal["equals", "like", "ilike"]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Junction:
    """AND or OR of conditions; NOT of one."""

    kind: Literal["and", "or", "not"]
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Opaque:
    """A condition that is not understood: it may hold or not."""


Condition = Comparison | Junction | Opaque


@dataclass(frozen=True, slots=True)
class ReadScope:
    """One place in a statement that shows columns of relations."""

    action: Action
    relations: tuple[Relation, ...]
    outputs: tuple[ColumnRef, ...]
    conditions: tuple[Condition, ...]
    """Each of them holds for every row that is shown."""
    equalities: tuple[tuple[ColumnRef, ColumnRef], ...]
    """Columns that are equal in every row that is shown (inner joins, USING, WHERE a.x = b.x)."""
    whole: bool
    """One relation, and nothing but the conditions decides which rows are shown: no LIMIT, grouping or the like."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that reads or changes rows."""

    scopes: tuple[ReadScope, ...]
    mentioned: frozenset[str]
    """Every table and view it names anywhere, in lower case, without schema."""


@dataclass(frozen=True, slots=True)
class StatementText:
    """What was understood of a text that was logged."""

    statements: tuple[Statement, ...]
    """Those that read or change rows; none where the text shows nothing to anybody."""
    constants: Mapping[int, str]
    """Values of parameters that stand for constants of the text."""
