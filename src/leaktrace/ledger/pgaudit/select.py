"""One SELECT, or UPDATE/DELETE/INSERT with RETURNING, as a scope: relations, columns shown, conditions on rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from sqlglot import exp

from leaktrace.ledger.pgaudit.scopes import (
    Action,
    ArrayOf,
    ColumnRef,
    Comparison,
    Condition,
    Junction,
    Opaque,
    Parameter,
    ReadScope,
    Relation,
    Value,
)

_WHOLE_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_PARAMETER_NUMBER = re.compile(r"[0-9]{1,7}", re.ASCII)
"""PostgreSQL has 65,535 at most; the constants that `statement.py` numbers need seven digits."""
_TEXT_TYPES = (exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR)
_KEY_TYPES = (
    *_TEXT_TYPES,
    exp.DataType.Type.INT,
    exp.DataType.Type.BIGINT,
    exp.DataType.Type.SMALLINT,
    exp.DataType.Type.UUID,
)
_LIMITING = ("limit", "offset", "fetch", "group", "having", "distinct", "qualify", "sample")


def select_scope(node: exp.Expr, common: frozenset[str], action: Action) -> ReadScope:
    """The scope of one query block; `common` are names of WITH queries, which are no tables."""
    sources = list(_sources(node))
    tables = [source for source in sources if _is_table(source, common)]
    relations = tuple(_relation(table) for table in tables)
    aliases = frozenset(relation.alias for relation in relations)
    conditions, equalities = _conditions(node)
    return ReadScope(
        action=action,
        relations=relations,
        outputs=tuple(dict.fromkeys(_outputs(node, relations, aliases, has_others=len(sources) > len(tables)))),
        conditions=conditions,
        equalities=equalities,
        whole=len(sources) == len(tables) == 1
        and not equalities
        and not any(node.args.get(name) for name in _LIMITING)
        and not isinstance(node, exp.Insert),
    )


def identifier(node: exp.Expr | None) -> str:
    """A name as PostgreSQL folds it: in lower case unless quoted."""
    if isinstance(node, exp.Identifier):
        return str(node.this) if node.quoted else str(node.this).lower()
    return ""


def _sources(node: exp.Expr) -> Iterator[exp.Expr]:
    """Everything the block takes rows from."""
    if isinstance(node, exp.Update | exp.Delete | exp.Insert):
        yield node.this.this if isinstance(node.this, exp.Schema) else node.this
        yield from node.args.get("using") or []
    from_clause = node.args.get("from_")
    if from_clause is not None:
        yield from_clause.this
    for join in _joins(node):
        yield join.this
    yield from node.args.get("laterals") or []


def _joins(node: exp.Expr) -> list[exp.Join]:
    from_clause = node.args.get("from_")
    inner = from_clause.this.args.get("joins") if from_clause is not None else None
    return [*(inner or []), *(node.args.get("joins") or [])]


def _is_table(source: exp.Expr, common: frozenset[str]) -> bool:
    if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
        return False
    return bool(source.args.get("db")) or identifier(source.this) not in common


def _relation(table: exp.Expr) -> Relation:
    bare, schema = identifier(table.this), identifier(table.args.get("db"))
    alias = table.args.get("alias")
    named = identifier(alias.this) if isinstance(alias, exp.TableAlias) else ""
    return Relation(f"{schema}.{bare}" if schema else bare, named or bare)


# --- columns shown ----------------------------------------------------------------------------------------


def _outputs(
    node: exp.Expr, relations: tuple[Relation, ...], aliases: frozenset[str], *, has_others: bool
) -> Iterator[ColumnRef]:
    returning = node.args.get("returning")
    expressions = node.expressions if isinstance(node, exp.Select) else returning.expressions if returning else []
    starred = False
    for expression in expressions:
        for column in _columns(expression, node):
            if isinstance(column, exp.Star):
                if not starred:  # a second one shows nothing more
                    yield from (ColumnRef(relation.alias, "*") for relation in relations)
                starred = True
                continue
            alias = identifier(column.args.get("table")) or None
            if isinstance(column.this, exp.Star):
                if alias in aliases:
                    yield ColumnRef(alias, "*")
            elif alias is None and identifier(column.this) in aliases:
                yield ColumnRef(identifier(column.this), "*")  # a whole row: SELECT c FROM customers c
            elif alias is None:
                only = relations[0].alias if len(relations) == 1 and not has_others else None
                if relations:
                    yield ColumnRef(only, identifier(column.this))
            elif alias in aliases:
                yield ColumnRef(alias, identifier(column.this))


def _columns(expression: exp.Expr, block: exp.Expr) -> Iterator[exp.Column | exp.Star]:
    """Columns in a select list that are shown: none inside count(), EXISTS or a query of its own."""
    pending = [expression]
    while pending:
        part = pending.pop()
        if isinstance(part, exp.Count | exp.Exists | exp.Subquery | exp.Select | exp.Where) and part is not block:
            continue
        if isinstance(part, exp.Order):  # array_agg(email ORDER BY name): only what is put in order is shown
            pending += [part.this] if part.this is not None else []
            continue
        if isinstance(part, exp.Column | exp.Star):
            yield part
            continue
        pending += list(part.iter_expressions())


# --- conditions -------------------------------------------------------------------------------------------


def _conditions(
    node: exp.Expr,
) -> tuple[tuple[Condition, ...], tuple[tuple[ColumnRef, ColumnRef], ...]]:
    where = node.args.get("where")
    roots = [where.this] if where is not None else []
    equalities: list[tuple[ColumnRef, ColumnRef]] = []
    from_clause = node.args.get("from_")
    first = _alias(from_clause.this) if from_clause is not None else ""
    for join in _joins(node):
        joined, on = _alias(join.this), join.args.get("on")
        if on is not None and join.side == "":
            roots.append(on)
        elif on is not None:
            equalities += _outer_ties(on, joined)
        for used in join.args.get("using") or []:
            name = identifier(used)
            equalities.append((ColumnRef(first, name), ColumnRef(joined, name)))
            equalities.append((ColumnRef(None, name), ColumnRef(first, name)))
    conditions: list[Condition] = []
    for root in roots:
        for part in _conjuncts(root):
            equality = _equality(part)
            if equality is not None:
                equalities.append(equality)
            else:
                conditions.append(_condition(part))
    return tuple(dict.fromkeys(conditions)), tuple(dict.fromkeys(equalities))


def _alias(source: exp.Expr) -> str:
    return _relation(source).alias if isinstance(source, exp.Table) else source.alias_or_name.lower()


def _outer_ties(on: exp.Expr, joined: str) -> Iterator[tuple[ColumnRef, ColumnRef]]:
    """Of an outer join's ON only what ties the joined relation to another: its rows match there or are empty."""
    for part in _conjuncts(on):
        tie = _equality(part)
        if tie is not None and (tie[0].alias == joined) != (tie[1].alias == joined) and tie[0].alias and tie[1].alias:
            yield tie


def _conjuncts(root: exp.Expr) -> list[exp.Expr]:
    return _parts(root, exp.And)


def _parts(root: exp.Expr, connector: type[exp.And] | type[exp.Or]) -> list[exp.Expr]:
    """Operands of a chain of ANDs or ORs, however long, brackets taken off."""
    found: list[exp.Expr] = []
    pending = [root]
    while pending:
        part = pending.pop()
        if isinstance(part, exp.Paren):
            pending.append(part.this)
        elif isinstance(part, connector):
            pending += [part.expression, part.this]
        else:
            found.append(part)
    return found


def _equality(part: exp.Expr) -> tuple[ColumnRef, ColumnRef] | None:
    if not isinstance(part, exp.EQ):
        return None
    left, right = _column(part.this), _column(part.expression)
    return (left, right) if left and right else None


def _condition(part: exp.Expr) -> Condition:
    """A condition as far as it is understood; nesting is bounded by the statement's ceiling on brackets."""
    if isinstance(part, exp.Paren):
        return _condition(part.this)
    if isinstance(part, exp.Not):
        return Junction("not", (_condition(part.this),))
    if isinstance(part, exp.And):
        return Junction("and", tuple(_condition(each) for each in _parts(part, exp.And)))
    if isinstance(part, exp.Or):
        return Junction("or", tuple(_condition(each) for each in _parts(part, exp.Or)))
    if isinstance(part, exp.EQ):
        return _equals(part.this, part.expression) or _equals(part.expression, part.this) or Opaque()
    if isinstance(part, exp.NEQ):
        equal = _equals(part.this, part.expression)
        return Junction("not", (equal,)) if equal and not isinstance(part.expression, exp.Any) else Opaque()
    if isinstance(part, exp.In) and not part.args.get("query") and not part.args.get("unnest"):
        column = _column(part.this)
        values = [_value(each) for each in part.expressions]
        known = tuple(value for value in values if value is not None)
        return Comparison(column, "equals", known) if column and known and len(known) == len(values) else Opaque()
    if isinstance(part, exp.Like | exp.ILike):
        column, pattern = _column(part.this), _value(part.expression)
        kind: Literal["like", "ilike"] = "ilike" if isinstance(part, exp.ILike) else "like"
        return Comparison(column, kind, (pattern,)) if column and pattern is not None else Opaque()
    return Opaque()


def _equals(column_side: exp.Expr, value_side: exp.Expr) -> Comparison | None:
    column = _column(column_side)
    if column is None:
        return None
    if isinstance(value_side, exp.Any):
        inner: exp.Expr = value_side.this
        while isinstance(inner, exp.Paren | exp.Cast):
            inner = inner.this
        if isinstance(inner, exp.Array):
            values = [_value(each) for each in inner.expressions]
            known = tuple(value for value in values if value is not None)
            return Comparison(column, "equals", known) if known and len(known) == len(values) else None
        single = _value(inner)
        return Comparison(column, "equals", (ArrayOf(single),)) if isinstance(single, str | Parameter) else None
    value = _value(value_side)
    return Comparison(column, "equals", (value,)) if value is not None else None


def _column(part: exp.Expr) -> ColumnRef | None:
    """A column, also when cast to text, which leaves a key's value as it is."""
    while isinstance(part, exp.Paren) or (isinstance(part, exp.Cast) and part.to.this in _TEXT_TYPES):
        part = part.this
    if not isinstance(part, exp.Column) or not isinstance(part.this, exp.Identifier):
        return None
    return ColumnRef(identifier(part.args.get("table")) or None, identifier(part.this))


def _value(part: exp.Expr) -> Value | None:
    while isinstance(part, exp.Paren) or (isinstance(part, exp.Cast) and part.to.this in _KEY_TYPES):
        if isinstance(part, exp.Cast) and part.to.expressions:
            return None  # varchar(3) cuts the value
        part = part.this
    if isinstance(part, exp.Literal):
        if part.is_string:
            return str(part.this)
        return str(part.this) if _WHOLE_NUMBER.fullmatch(str(part.this)) else None
    if isinstance(part, exp.Parameter) and isinstance(part.this, exp.Literal):
        number = str(part.this.this)
        return Parameter(int(number)) if _PARAMETER_NUMBER.fullmatch(number) else None
    return None
