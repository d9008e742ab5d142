"""Which columns of a scope are one and the same, by its joins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from leaktrace.ledger.pgaudit.scopes import ColumnRef, Comparison, Junction, ReadScope


@dataclass(frozen=True, slots=True)
class EqualColumns:
    """Groups of columns that are equal in every row of a scope."""

    owners: Mapping[str, str]
    """Column (lower case) that stands without its relation -> alias of the only relation that can be meant."""
    groups: Mapping[ColumnRef, frozenset[ColumnRef]]
    leaders: Mapping[ColumnRef, ColumnRef]
    """Member of a group -> the member that stands for it."""

    def leader(self, ref: ColumnRef) -> ColumnRef:
        """The column that stands for this one and all that are equal to it."""
        resolved = _resolved(ref, self.owners)
        return self.leaders.get(resolved, resolved)

    def equal_to(self, leader: ColumnRef) -> frozenset[ColumnRef]:
        """The leader and all columns it stands for."""
        return self.groups.get(leader, frozenset({leader}))


def equal_columns(scope: ReadScope, columns: Mapping[str, frozenset[str]]) -> EqualColumns:
    """The groups of a scope; `columns` are those known of each table, both in lower case."""
    owners = _owners(scope, columns)
    parents: dict[ColumnRef, ColumnRef] = {}
    for left, right in scope.equalities:
        of_using = left.column == right.column and not (left.alias and right.alias)
        pair = (left, right) if of_using else (_resolved(left, owners), _resolved(right, owners))
        parents[_root(pair[0], parents)] = _root(pair[1], parents)  # the column merged by USING has no relation
    members: dict[ColumnRef, list[ColumnRef]] = {}
    for ref in parents:
        members.setdefault(_root(ref, parents), []).append(ref)
    groups: dict[ColumnRef, frozenset[ColumnRef]] = {}
    leaders: dict[ColumnRef, ColumnRef] = {}
    for group in members.values():
        leader = min(group, key=lambda each: (each.alias or "", each.column))
        groups[leader] = frozenset(group)
        leaders.update(dict.fromkeys(group, leader))
    return EqualColumns(owners, groups, leaders)


def _root(ref: ColumnRef, parents: dict[ColumnRef, ColumnRef]) -> ColumnRef:
    """The root of the column's tree of equal ones; the way there is halved, so that no chain is walked twice."""
    parent = parents.setdefault(ref, ref)
    while parent != ref:
        grandparent = parents[parent]
        parents[ref] = grandparent
        ref, parent = grandparent, parents[grandparent]
    return ref


def _resolved(ref: ColumnRef, owners: Mapping[str, str]) -> ColumnRef:
    """The reference with its relation, where only one can be meant."""
    owner = owners.get(ref.column.lower()) if ref.alias is None else None
    return ref if owner is None else ColumnRef(owner, ref.column)


def _owners(scope: ReadScope, columns: Mapping[str, frozenset[str]]) -> dict[str, str]:
    wanted = _without_relation(scope)
    if len(scope.relations) == 1:
        return dict.fromkeys(wanted, scope.relations[0].alias)
    named = Counter(relation.bare_name.lower() for relation in scope.relations)
    aliases = {relation.bare_name.lower(): relation.alias for relation in scope.relations}
    owners: dict[str, str] = {}
    ambiguous: set[str] = set()
    for table, count in named.items():
        for column in wanted & columns.get(table, frozenset()):
            if count > 1 or column in owners:
                ambiguous.add(column)
            owners[column] = aliases[table]
    return {column: alias for column, alias in owners.items() if column not in ambiguous}


def _without_relation(scope: ReadScope) -> set[str]:
    """Columns of the conditions, in lower case, that are named without their relation."""
    found = {ref.column.lower() for pair in scope.equalities for ref in pair if ref.alias is None}
    pending = list(scope.conditions)
    while pending:
        condition = pending.pop()
        if isinstance(condition, Comparison) and condition.column.alias is None:
            found.add(condition.column.column.lower())
        elif isinstance(condition, Junction):
            pending += condition.parts
    return found
