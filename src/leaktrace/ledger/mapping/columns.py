"""Columns and conditions of a mapping, out of its tables."""

from __future__ import annotations

from collections.abc import Mapping as Table
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leaktrace.ledger.mapping.model import COLUMN_NAMES, Column, Condition, Source
from leaktrace.ledger.mapping.paths import parse_path
from leaktrace.ledger.mapping.settled import Settled
from leaktrace.ledger.mapping.times import NAMED_FORMATS, TimeFormat
from leaktrace.ledger.pgaudit.options import EMAIL_COLUMNS, PHONE_COLUMNS

_CUTS = ("path", "prefix", "after", "after_last", "before")
_COLUMN = (*_CUTS, "from", "default")
_MORE = {
    "at": ("format", "zone"),
    "customer": ("separator", "values"),
    "fields": ("separator", "names", "aliases"),
    "statement": (),
}
_WORDS = ("values", "other")
_ANY = "*"


def columns_of(table: Settled) -> dict[str, Settled]:
    """The tables of the columns that this table has."""
    return {
        name: table.inner(name, (*_COLUMN, *_MORE.get(name, _WORDS))) for name in COLUMN_NAMES if name in table.values
    }


def column_of(name: str, table: Settled) -> Column:
    """How one column is filled."""
    sources = _sources(table)
    default = table.texts("default")
    if name == "at" and default:
        raise table.wrong("a time has no default", "Leave it out: a record without time is rejected.")
    if not sources and not default:
        raise table.wrong("it has neither a path nor a default", "Say path = '...' or default = '...'.")
    if name == "fields":
        usual = {**dict.fromkeys(EMAIL_COLUMNS, "email"), **dict.fromkeys(PHONE_COLUMNS, "phone")}
        values = {**usual, **{key.lower(): word.lower() for key, word in table.words("names").items()}}
    else:
        values = table.words("values")
    separator = table.text("separator") or None
    return Column(sources, default, values, table.text("other") or None, separator, table.paths("aliases"))


def time_format_of(table: Settled) -> TimeFormat:
    """How the column `at` is written."""
    name = table.text("format") or "iso8601"
    zone_name = table.text("zone")
    if name not in NAMED_FORMATS and "%" not in name:
        raise table.wrong(
            "format is no time format", f"Say one of {', '.join(NAMED_FORMATS)}, or a pattern like '%d/%m/%Y %H:%M:%S'."
        )
    if "%" in name and "%z" not in name and not zone_name:
        raise table.wrong("the format has no zone", "Add zone = 'Europe/Berlin', or %z to the format.")
    if not zone_name:
        return TimeFormat(name)
    try:
        return TimeFormat(name, ZoneInfo(zone_name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise table.wrong("there is no such zone", "Say it as IANA does, for example Europe/Berlin.") from error


def conditions_of(table: Settled, name: str) -> tuple[Condition, ...]:
    """The list of conditions below a name; those that always hold are left out."""
    listed = table.get(name, [])
    if not isinstance(listed, list):
        raise table.wrong(f"{name} is no list of conditions", f"Write {name} = [{{ path = '...', in = ['...'] }}].")
    nested = [table.asked.nested(one, f"{table.where}, {name} {number}") for number, one in enumerate(listed, 1)]
    return tuple(condition_of(one) for one in nested if _ANY not in one.texts("in"))


def condition_of(table: Settled) -> Condition:
    """One condition."""
    inner = table.asked.table(table.values, table.where, (*_CUTS, "from", "in", "not_in", "exists"))
    said = [name for name in ("in", "not_in", "exists") if name in inner.values]
    if len(said) != 1:
        raise inner.wrong("it says not exactly one of in, not_in and exists", "Say one.")
    exists = inner.get("exists")
    if "exists" in said and not isinstance(exists, bool):
        raise inner.wrong("exists is neither true nor false", "Write exists = true.")
    sources = _sources(inner)
    if not sources:
        raise inner.wrong("it has no path", "Say path = '...'.")
    return Condition(
        sources,
        among=frozenset(inner.texts("in")) if "in" in said else None,
        not_among=frozenset(inner.texts("not_in")) if "not_in" in said else None,
        exists=exists,
        key=_only_key(sources),
    )


def _only_key(sources: tuple[Source, ...]) -> str | None:
    """The key, where there is one source, of one step, with nothing cut off."""
    path = sources[0].path
    is_bare = len(sources) == 1 and sources[0] == Source(path)
    return path.plain[0] if is_bare and path.plain is not None and len(path.plain) == 1 else None


def _sources(table: Settled) -> tuple[Source, ...]:
    """Of `path` with its cuts, or of a list of such under `from`; a list of paths is one source each."""
    listed = table.get("from")
    if listed is None:
        return _one_source(table) if "path" in table.values else ()
    if "path" in table.values or not isinstance(listed, list):
        raise table.wrong("from is a list, and instead of path", "Write from = [{ path = '...' }, { path = '...' }].")
    return tuple(
        source
        for number, one in enumerate(listed, 1)
        for source in _one_source(table.asked.table(one, f"{table.where}, from {number}", _CUTS))
    )


def _one_source(table: Settled) -> tuple[Source, ...]:
    cuts: Table[str, str] = {name: table.text(name) for name in ("prefix", "after", "after_last")}
    found = []
    for text in table.texts("path"):
        path = parse_path(text)
        if path is None or not text:
            raise table.wrong(
                f"path is no path: {text[:60]!r}",
                "A path is like user.name, items[*].id or resources[type=a].uid; a name with dots, blanks or other "
                "signs stands in double quotes inside it: path = '\"Kd.-Nr.\"'.",
            )
        found.append(Source(path, cuts["prefix"], cuts["after"], cuts["after_last"], table.texts("before")))
    return tuple(found)
