"""Maps one record to accesses. Pure: a record in; rows, a reason, or "no access" out.

What is decided, in this order:
1. a record without what the mapping requires is rejected;
2. a record that the mapping skips, or that no rule fits, is no access;
3. a time or a principal that cannot be had rejects the record;
4. each customer named gives one access; none named is a bulk read where the rule says so, else the record is rejected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from leaktrace.ledger.formats import AccessRow
from leaktrace.ledger.mapping.model import Column, Condition, Mapping, Rule, Source
from leaktrace.ledger.mapping.paths import Path, plain_text, values_at
from leaktrace.ledger.mapping.times import TimeFormat, parse_time

CUSTOMERS_CEILING_COUNT = 10_000
"""A record that names more customers is rejected; they are listed by whoever wrote the log, not by a person."""
FIELDS_CEILING_COUNT = 1000
NO_TEXT = "a value holds half of a surrogate pair, which is no text"
_NOTHING = Column()
_ANY_FIELD = "*"
"""Every field of the record, which the log does not list; what a log can show counts these accesses apart."""


def map_record(mapping: Mapping, record: dict[str, Any], row: int) -> Sequence[AccessRow] | str | None:
    """Accesses and bulk reads; or why the record cannot be read; or None where it is no access.

    A reason names the column and the rule, never a value of the record.
    """
    for path in mapping.require:
        if not values_at(record, path):
            return f"the record has no {path.text}"
    if any(_holds(condition, record) for condition in mapping.skip):
        return None
    for rule in mapping.rules:
        if all(_holds(condition, record) for condition in rule.conditions):
            return _rows(rule, record, row)
    return None


def _rows(rule: Rule, record: dict[str, Any], row: int) -> Sequence[AccessRow] | str:
    columns = rule.columns
    at = _time(columns["at"], rule.at_format, record)
    if isinstance(at, str):
        return at
    single: dict[str, str | None] = {}
    for name in ("principal", "action", "tool", "reason"):
        values = _one(columns.get(name, _NOTHING), record)
        if len(values) > 1:
            return f"{name} is there more than once, with different values"
        single[name] = values[0] if values else None
    principal, action, tool, reason = single.values()
    if principal is None:
        return "principal is missing"
    fields = _fields(columns.get("fields", _NOTHING), record)
    if len(fields) > FIELDS_CEILING_COUNT:
        return f"the record names more than {FIELDS_CEILING_COUNT} fields"
    customers: Sequence[str | None] = ()
    if rule.bulk != "always":
        customers = _several(columns.get("customer", _NOTHING), record)
    if len(customers) > CUSTOMERS_CEILING_COUNT:
        return f"the record names more than {CUSTOMERS_CEILING_COUNT} customers"
    digest = None
    if not customers:
        if rule.bulk == "never":
            return "customer is missing"
        customers = (None,)
        digest = _digest(columns.get("statement", _NOTHING), record)
    if not _are_texts(principal, action, tool, reason, *fields, *customers):
        return NO_TEXT
    return [AccessRow(at, principal, customer, fields, action, tool, reason, row, digest) for customer in customers]


def _are_texts(*values: str | None) -> bool:
    """JSON can spell half of a surrogate pair (RFC 8259, 8.2), which no file or database can hold."""
    try:
        for value in values:
            if value is not None and not value.isascii():
                value.encode()
    except UnicodeEncodeError:
        return False
    return True


# --- values -----------------------------------------------------------------------------------------------


def _cut(text: str, source: Source) -> str | None:
    """What of a text is the value; None where the text is not of the form that the source has."""
    if source.prefix:
        if not text.startswith(source.prefix):
            return None
        text = text[len(source.prefix) :]
    if source.after:
        _, found, text = text.partition(source.after)
        if not found:
            return None
    if source.after_last:
        text = text.rpartition(source.after_last)[2]
    if source.before:
        text = text[: min((at for at in map(text.find, source.before) if at >= 0), default=len(text))]
    text = text.strip()
    return text or None


def _texts(sources: Sequence[Source], record: dict[str, Any]) -> list[str]:
    """What the first source that gives anything gives."""
    for source in sources:
        values = values_at(record, source.path)
        if not values:
            continue
        found = []
        for value in values:
            text = plain_text(value)
            if text is not None and (text := _cut(text, source)) is not None:
                found.append(text)
        if found:
            return found
    return []


def _one(column: Column, record: dict[str, Any]) -> Sequence[str]:
    """The value of a column that has one; more where the record has different ones."""
    texts = _texts(column.sources, record)
    if not texts:
        return column.default[:1]
    if column.values or column.other is not None:
        texts = [column.values.get(text, text if column.other is None else column.other) for text in texts]
    return texts if len(texts) == 1 else list(dict.fromkeys(texts))


def _several(column: Column, record: dict[str, Any]) -> list[str]:
    """All values, each once."""
    texts = _texts(column.sources, record) or list(column.default)
    if column.separator:
        texts = [stripped for text in texts for part in text.split(column.separator) if (stripped := part.strip())]
    if column.values:
        texts = [column.values.get(text, text) for text in texts]
    return list(dict.fromkeys(texts)) if len(texts) > 1 else texts


def _fields(column: Column, record: dict[str, Any]) -> tuple[str, ...]:
    """Names of fields, translated and in lower case, each once, in the record's order."""
    texts = _texts(column.sources, record)
    if column.separator:
        texts = [part.strip() for text in texts for part in text.split(column.separator)]
    if column.aliases:
        texts = _resolved(texts, record, column.aliases)
    names = [name for text in texts if (name := text.lower())] or column.default
    return tuple(dict.fromkeys(_translated(name, column.values) for name in names))


def _translated(name: str, values: dict[str, str]) -> str:
    """`contact.email` is told by its whole name, else by its last part; `e-mail` is `e_mail`."""
    last = name.rpartition(".")[2]
    return values.get(name) or values.get(last) or values.get(last.replace("-", "_").replace(" ", "_"), name)


def _resolved(texts: list[str], record: dict[str, Any], aliases: Sequence[Path]) -> list[str]:
    """Names for `#c.#e`, where objects of the record say what `#c` and `#e` are; one they do not say may be any field.

    Positions in lists (`phones[0]`) are left out.
    """
    known: dict[str, Any] = {}
    for path in aliases:
        for item in values_at(record, path):
            known |= item if isinstance(item, dict) else {}
    found = []
    for text in texts:
        parts = [part.partition("[")[0].strip() for part in text.split(".")]
        said = [plain_text(known.get(part)) if part.startswith("#") else part for part in parts]
        found.append(_ANY_FIELD if None in said else ".".join(part for part in said if part))
    return found


def _time(column: Column, form: TimeFormat, record: dict[str, Any]) -> Any:
    for source in column.sources:
        for value in values_at(record, source.path):
            cut = _cut(value, source) if type(value) is str else value
            if cut is not None:
                return parse_time(cut, form)
    return "at is missing"


def _digest(column: Column, record: dict[str, Any]) -> str | None:
    texts = _texts(column.sources, record)
    return hashlib.sha256(texts[0].encode("utf-8", "surrogatepass")).hexdigest() if texts else None


# --- conditions -------------------------------------------------------------------------------------------


def _holds(condition: Condition, record: dict[str, Any]) -> bool:
    if condition.exists is not None:
        return any(_is_there(source, record) for source in condition.sources) == condition.exists
    if condition.key is not None and type(value := record.get(condition.key)) in (str, int):
        texts = [str(value).strip()]
    else:
        texts = [text for source in condition.sources for text in _texts((source,), record)]
    if condition.among is not None:
        return not condition.among.isdisjoint(texts)
    return condition.not_among is None or condition.not_among.isdisjoint(texts)


def _is_there(source: Source, record: dict[str, Any]) -> bool:
    if source.prefix or source.after:
        return bool(_texts((source,), record))
    return any(value != "" for value in values_at(record, source.path))
