"""What a reader of an audit log has to know about the database, with defaults that detect it."""

from __future__ import annotations

import dataclasses
import json
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leaktrace.errors import UsageError

CUSTOMER_WORDS = (
    "customer",
    "user",
    "account",
    "client",
    "member",
    "buyer",
    "subscriber",
    "shopper",
)
"""A table whose name has one of these words, singular or plural, holds customers unless the options name the table."""
KEY_COLUMNS = ("customer_id", "customerid", "customer_no", "customer_number", "cust_id", "customer")
"""Columns that name a customer in any table."""
_KEYS_ANYWHERE = frozenset(KEY_COLUMNS)
EMAIL_COLUMNS = ("email", "e_mail", "mail", "email_address", "emailaddress", "mail_address", "e_mail_address")
PHONE_COLUMNS = ("phone", "phone_number", "telephone", "tel", "mobile", "mobile_number")

_WORDS = re.compile(r"[a-z]+")
_SYSTEM_TABLE = re.compile(r"(?:pg_|information_schema\.)")


def _default_field_names() -> Mapping[str, str]:
    names = {**dict.fromkeys(EMAIL_COLUMNS, "email"), **dict.fromkeys(PHONE_COLUMNS, "phone")}
    return types.MappingProxyType(names)


@dataclass(frozen=True, slots=True)
class PgauditOptions:
    """How statements are tied to customers and fields."""

    customer_table: str | None = None
    """The table of customers, with or without schema; null: tables named after customers, users or accounts."""
    key_column: str | None = None
    """The column that names a customer; null: `customer_id` and its like, and `id` on a table of customers."""
    snapshot: Path | None = None
    """The customer table as CSV with a header: reads that name no customer become one access per customer."""
    field_names: Mapping[str, str] = field(default_factory=_default_field_names)
    """Column -> field; a column that is not here is the field of its own name."""
    log_line_prefix: str | None = None
    """The server's `log_line_prefix`, for a stderr log whose prefix is not recognised."""
    log_timezone: str | None = None
    """The server's `log_timezone` (IANA name), where the log's zone is neither UTC nor a number."""

    def field_of(self, column: str) -> str:
        """The field that a column shows, in lower case."""
        return self.field_names.get(column.lower(), column.lower())

    def is_customer_table(self, name: str) -> bool:
        """Whether a table (with or without schema) is the table of customers."""
        name = name.lower()
        if self.customer_table is not None:
            wanted = self.customer_table.lower()
            return name == wanted or ("." not in wanted and name.rpartition(".")[2] == wanted)
        if _SYSTEM_TABLE.match(name):
            return False
        words = _WORDS.findall(name.rpartition(".")[2])
        return any(word.removesuffix("s") in CUSTOMER_WORDS for word in words)

    def key_columns(self, table: str) -> frozenset[str]:
        """The columns that name a customer in a table of this name, in lower case."""
        if self.key_column is not None:
            key = self.key_column.lower()
            return frozenset() if key == "id" and not self.is_customer_table(table) else frozenset({key})
        if not self.is_customer_table(table):
            return _KEYS_ANYWHERE
        words = [word.removesuffix("s") for word in _WORDS.findall(table.lower().rpartition(".")[2])]
        return _KEYS_ANYWHERE.union(["id"], (f"{word}_id" for word in words))

    def zone(self) -> ZoneInfo | None:
        """The zone of `log_timezone`; UsageError for a name that is none."""
        if self.log_timezone is None:
            return None
        try:
            return ZoneInfo(self.log_timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise UsageError(
                f"There is no time zone '{self.log_timezone}'.", "Say it as IANA does, for example Europe/Berlin."
            ) from error


def options_from_document(document: Mapping[str, object]) -> PgauditOptions:
    """Options from name -> value, as a command line or a JSON file has them; UsageError on what cannot be.

    `field_names` is a mapping, its JSON, or `column=field,column=field`; it adds to the defaults.
    """
    known = {described.name for described in dataclasses.fields(PgauditOptions)}
    values: dict[str, str] = {}
    for name, value in document.items():
        if name not in known:
            raise UsageError(f"There is no pgaudit option '{name}'.", f"There are: {', '.join(sorted(known))}.")
        if name == "field_names":
            continue
        if not isinstance(value, str | Path) or not str(value):
            raise UsageError(f"The pgaudit option '{name}' is a text.")
        values[name] = str(value)
    options = PgauditOptions(
        customer_table=values.get("customer_table"),
        key_column=values.get("key_column"),
        snapshot=Path(values["snapshot"]) if "snapshot" in values else None,
        field_names={**_default_field_names(), **_field_names(document.get("field_names"))},
        log_line_prefix=values.get("log_line_prefix"),
        log_timezone=values.get("log_timezone"),
    )
    options.zone()
    return options


def _field_names(value: object) -> dict[str, str]:
    if value is None:
        return {}
    parsed: object = value
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = None
    elif isinstance(value, str):
        parsed = dict(pair.split("=", 1) for pair in value.split(",") if "=" in pair)
    if not isinstance(parsed, Mapping) or not parsed or not all(isinstance(x, str) and x for x in parsed.values()):
        raise UsageError("The pgaudit option 'field_names' says column=field, with commas between.")
    return {str(column).strip().lower(): field.strip() for column, field in parsed.items()}
