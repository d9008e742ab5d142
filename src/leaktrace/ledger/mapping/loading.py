"""Reads a mapping from TOML, with the options that a caller fills in; says what is wrong with it and where.

Pure but for the built-in files of this package. In any text of a mapping `{name}` stands for the option of that name;
an option that is a list makes a list of the texts it stands in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as Table
from importlib.resources import files
from typing import Any

from leaktrace.errors import UsageError
from leaktrace.ledger.mapping.columns import column_of, columns_of, condition_of, conditions_of, time_format_of
from leaktrace.ledger.mapping.model import COLUMN_NAMES, BulkRule, CsvShape, InputKind, Mapping, Rule
from leaktrace.ledger.mapping.settled import Asked, Settled

SCHEMA = "leaktrace.mapping/1"
CEILING_BYTES = 1_000_000
_TOP = ("schema", "about", "input", "records", "require", "csv", "options", "skip", "rule", *COLUMN_NAMES)
_RULE = ("name", "when", "bulk", *COLUMN_NAMES)
_INPUTS: dict[str, InputKind] = {"auto": "auto", "ndjson": "ndjson", "json": "json", "csv": "csv"}
_BULK: dict[str, BulkRule] = {"never": "never", "if_no_customer": "if_no_customer", "always": "always"}


def builtin_text(name: str) -> str:
    """The mapping of a built-in format, as TOML."""
    return files("leaktrace.ledger.mapping").joinpath("builtin", f"{name}.toml").read_text(encoding="utf-8")


def mapping_from_text(text: str, options: Table[str, object], place: str) -> Mapping:
    """The mapping that a TOML text says; UsageError, which begins with `place`, where it says none."""
    if len(text.encode()) > CEILING_BYTES:
        raise UsageError(f"{place}: larger than {CEILING_BYTES} bytes.", "A mapping is a page or two.")
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{place}: it is not TOML: {error}.", "See docs/formats/mapping.md.") from error
    asked = Asked(place, _options(document, options, place))
    top = asked.table(document, "the mapping", _TOP)
    if top.get("schema") != SCHEMA:
        raise UsageError(f"{place}: it does not say schema = '{SCHEMA}'.", "It is the first line of every mapping.")
    shared = columns_of(top)
    rules = [_rule(asked.table(rule, f"rule {number}", _RULE), shared) for number, rule in _numbered(top, "rule")]
    return Mapping(
        rules=tuple(rules) or (_rule(asked.table({}, "the mapping", _RULE), shared),),
        input=top.choice("input", _INPUTS, "auto"),
        records=top.paths("records"),
        require=top.paths("require"),
        skip=tuple(condition_of(asked.nested(one, f"skip {number}")) for number, one in _numbered(top, "skip")),
        csv=_csv(top),
    )


def _options(document: dict[str, Any], given: Table[str, object], place: str) -> dict[str, list[str]]:
    """Option -> its values, as the mapping declares them or as the caller says, with commas between."""
    declared = document.get("options", {})
    if not isinstance(declared, dict):
        raise UsageError(f"{place}: options is not a table.", "[options] holds name = 'value' or name = ['a', 'b'].")
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise UsageError(
            f"{place}: there is no option '{unknown[0]}'.", f"There are: {', '.join(sorted(declared)) or 'none'}."
        )
    values: dict[str, list[str]] = {}
    for name, value in declared.items():
        asked = given.get(name, value)
        if isinstance(asked, str) and name in given and isinstance(value, list):
            asked = [part.strip() for part in asked.split(",") if part.strip()]
        listed: list[object] = asked if isinstance(asked, list) else [asked]
        values[name] = [item for item in listed if isinstance(item, str)]
        if len(values[name]) < len(listed):
            raise UsageError(f"{place}: the option '{name}' is no text and no list of texts.", "Put it in quotes.")
    return values


def _rule(table: Settled, shared: Table[str, Settled]) -> Rule:
    own = columns_of(table)
    columns = {name: column_of(name, settled) for name, settled in {**shared, **own}.items()}
    if "at" not in columns or not columns["at"].sources:
        raise table.wrong("it does not say where the time is", "Add [at] with path = '...'.")
    if "principal" not in columns:
        raise table.wrong("it does not say who the principal is", "Add [principal] with path = '...'.")
    bulk = table.choice("bulk", _BULK, "never")
    if "customer" not in columns and bulk == "never":
        raise table.wrong(
            "it does not say which customer was opened", "Add [customer] with path = '...', or say bulk = 'always'."
        )
    return Rule(conditions_of(table, "when"), columns, time_format_of({**shared, **own}["at"]), bulk)


def _numbered(table: Settled, name: str) -> list[tuple[int, Any]]:
    value = table.get(name, [])
    if not isinstance(value, list):
        raise table.wrong(f"{name} is no list of tables", f"Write [[{name}]].")
    return list(enumerate(value, 1))


def _csv(table: Settled) -> CsvShape:
    inner = table.inner("csv", ("delimiter", "header"))
    delimiter = inner.text("delimiter") or ","
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise inner.wrong("the delimiter is not one character", "For instance delimiter = ';'.")
    return CsvShape(delimiter, inner.texts("header"))
