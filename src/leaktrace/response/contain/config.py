"""Reads contain.toml: which systems there are, how they are reached, and which account a principal has in each."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from leaktrace.errors import ResponseError, meant
from leaktrace.response.contain.http import Http, Secret, Urllib3Http, checked_url, secret_from_file
from leaktrace.response.contain.interface import Connector, Target, TargetKind
from leaktrace.response.contain.okta import OktaConnector
from leaktrace.response.contain.reasons import ReasonsPolicy, reasons_policy
from leaktrace.response.contain.scim import FORMS, Form, ScimConnector
from leaktrace.response.contain.sessions import SessionCall
from leaktrace.response.contain.webhook import WebhookConnector

SCHEMA = "leaktrace.contain/1"
CEILING_BYTES = 5_000_000
_TOP = {"schema", "confirm_within_seconds", "on_call", "systems", "statement"}
_SYSTEM = {
    *("kind", "for", "url", "secret_file", "ca_file", "administrators", "accounts", "accounts_file", "account"),
    *("admin_group", "forms", "end_sessions", "status_url", "key_id", "timeout_seconds"),
}
_CALL = {"name", "method", "url", "secret_file", "scheme", "expect", "check_url", "check_field"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_KINDS: dict[str, TargetKind] = {"principal": "principal", "seller": "seller"}


@dataclass(frozen=True, slots=True)
class System:
    """One system, ready to be called."""

    connector: Connector
    kind: TargetKind
    accounts: Mapping[str, str]
    pattern: str | None
    """With `{name}` in it: the account of whoever is not in `accounts`."""

    def target(self, subject: str, name: str) -> Target | None:
        """The account of a principal or seller called `name` in our tables; null where the system has none."""
        account = self.accounts.get(name) or (self.pattern.replace("{name}", name) if self.pattern else None)
        return Target(self.connector.system, self.kind, subject, account) if account else None


@dataclass(frozen=True, slots=True)
class ContainConfig:
    """What contain.toml says."""

    systems: tuple[System, ...]
    confirm_within_seconds: int
    on_call: str
    """Whom to call when something is not confirmed in time."""
    statement: ReasonsPolicy | None

    def of_kind(self, kind: TargetKind) -> tuple[System, ...]:
        """The systems that contain principals, or sellers."""
        return tuple(system for system in self.systems if system.kind == kind)


def read_config(path: Path, clock: Callable[[], datetime]) -> ContainConfig:
    """The configuration in a file; ResponseError says what is wrong and where. Secrets are read from their files."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(CEILING_BYTES + 1)
        if len(raw) > CEILING_BYTES:
            raise ResponseError(f"{path} is larger than {CEILING_BYTES} bytes.", "docs/contain.md shows what it holds.")
        document = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise ResponseError(
            f"{path} cannot be read: {error.strerror}.", "docs/contain.md shows what it holds."
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ResponseError(f"{path}: it is not TOML: {error}.", "docs/contain.md shows what it holds.") from error
    return _Reader(path, clock).config(document)


class _Reader:
    """Turns one document into systems; file names in it are relative to its folder."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock

    def config(self, document: dict[str, Any]) -> ContainConfig:
        self._known(document, _TOP, "the file")
        if document.get("schema") != SCHEMA:
            raise self._wrong(f"it does not say schema = '{SCHEMA}'")
        seconds = document.get("confirm_within_seconds", 120)
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= 86_400:
            raise self._wrong("confirm_within_seconds is no number from 1 to 86400")
        on_call = document.get("on_call")
        if not isinstance(on_call, str) or not on_call.strip():
            raise self._wrong("on_call does not say whom to call when nothing is confirmed")
        systems = document.get("systems", {})
        if not isinstance(systems, dict) or not all(isinstance(one, dict) for one in systems.values()):
            raise self._wrong("systems are tables: [systems.NAME]")
        statement = document.get("statement")
        if statement is not None and not isinstance(statement, dict):
            raise self._wrong("[statement] is a table")
        return ContainConfig(
            systems=tuple(self._system(name, table) for name, table in systems.items()),
            confirm_within_seconds=seconds,
            on_call=on_call.strip(),
            statement=reasons_policy(statement) if statement is not None else None,
        )

    def _system(self, name: str, table: dict[str, Any]) -> System:
        where = f"[systems.{name}]"
        self._known(table, _SYSTEM, where)
        kind = _KINDS.get(self._text(table, "for", where))
        if kind is None:
            raise self._wrong(f"{where}: for is 'principal' or 'seller'")
        pattern = self._optional(table, "account", where)
        if pattern is not None and "{name}" not in pattern:
            raise self._wrong(f"{where}: account has no {{name}} in it")
        return System(self._connector(name, table, where), kind, self._accounts(table, where), pattern)

    def _connector(self, name: str, table: dict[str, Any], where: str) -> Connector:
        url = checked_url(self._text(table, "url", where))
        secret = self._secret(table, where)
        http = self._http(table, where)
        administrators = frozenset(self._texts(table, "administrators", where))
        match table.get("kind"):
            case "scim":
                return ScimConnector(
                    system=name,
                    base_url=url,
                    secret=secret,
                    http=http,
                    administrators=administrators,
                    admin_group=self._optional(table, "admin_group", where),
                    forms=self._forms(table, where),
                    end_sessions=tuple(self._call(one, where) for one in self._tables(table, "end_sessions", where)),
                )
            case "okta":
                return OktaConnector(name, url, secret, http, administrators)
            case "webhook":
                status_url = self._optional(table, "status_url", where)
                return WebhookConnector(
                    system=name,
                    url=url,
                    status_url=checked_url(status_url) if status_url else None,
                    key_id=self._text(table, "key_id", where),
                    secret=secret,
                    http=http,
                    clock=self._clock,
                    administrators=administrators,
                )
            case _:
                raise self._wrong(f"{where}: kind is 'scim', 'okta' or 'webhook'")

    def _call(self, table: dict[str, Any], where: str) -> SessionCall:
        self._known(table, _CALL, f"{where}: end_sessions")
        check_url = self._optional(table, "check_url", where)
        expect = table.get("expect", [200, 202, 204])
        if not isinstance(expect, list) or not all(type(one) is int for one in expect):
            raise self._wrong(f"{where}: expect is a list of status numbers")
        if check_url and not table.get("check_field"):
            raise self._wrong(f"{where}: check_url needs check_field")
        return SessionCall(
            name=self._text(table, "name", where),
            method=self._text(table, "method", where).upper(),
            url=checked_url(self._text(table, "url", where)),
            secret=self._secret(table, where) if "secret_file" in table else None,
            scheme=self._optional(table, "scheme", where) or "Bearer",
            expect=frozenset(expect),
            check_url=checked_url(check_url) if check_url else None,
            check_field=self._optional(table, "check_field", where) or "",
        )

    def _forms(self, table: dict[str, Any], where: str) -> tuple[Form, ...]:
        asked = self._texts(table, "forms", where)
        forms = tuple(form for name in asked for form in FORMS if form == name)
        if len(forms) != len(asked):
            raise self._wrong(f"{where}: forms are {', '.join(FORMS)}")
        return forms or FORMS

    def _accounts(self, table: dict[str, Any], where: str) -> dict[str, str]:
        accounts = table.get("accounts", {})
        if not isinstance(accounts, dict) or not all(isinstance(one, str) and one for one in accounts.values()):
            raise self._wrong(f"{where}: accounts is a table of principal = 'account'")
        listed = self._optional(table, "accounts_file", where)
        return {**(self._accounts_file(listed) if listed else {}), **accounts}

    def _accounts_file(self, name: str) -> dict[str, str]:
        path = self._path.parent / name
        try:
            with path.open(encoding="utf-8", newline="") as stream:
                rows = [row for row in csv.reader(stream) if row]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ResponseError(f"{path} cannot be read.", "It is a CSV file: name,account in each row.") from error
        if any(len(row) != 2 or not row[0] or not row[1] for row in rows):
            raise ResponseError(f"{path} holds a row that is not name,account.", "Two columns, no heading needed.")
        return {name: account for name, account in rows if (name, account) != ("name", "account")}

    def _http(self, table: dict[str, Any], where: str) -> Http:
        seconds = table.get("timeout_seconds", 15)
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= 300:
            raise self._wrong(f"{where}: timeout_seconds is no number from 1 to 300")
        ca_file = self._optional(table, "ca_file", where)
        return Urllib3Http(timeout_seconds=float(seconds), ca_file=self._path.parent / ca_file if ca_file else None)

    def _secret(self, table: dict[str, Any], where: str) -> Secret:
        return secret_from_file(self._path.parent / self._text(table, "secret_file", where))

    def _text(self, table: dict[str, Any], key: str, where: str) -> str:
        value = self._optional(table, key, where)
        if value is None:
            raise self._wrong(f"{where}: {key} is missing")
        return value

    def _optional(self, table: dict[str, Any], key: str, where: str) -> str | None:
        value = table.get(key)
        if value is not None and (not isinstance(value, str) or not value.strip() or _CONTROL.search(value)):
            raise self._wrong(f"{where}: {key} is no line of text")
        return value

    def _texts(self, table: dict[str, Any], key: str, where: str) -> list[str]:
        values = table.get(key, [])
        if not isinstance(values, list) or not all(isinstance(one, str) and one for one in values):
            raise self._wrong(f"{where}: {key} is no list of texts")
        return values

    def _tables(self, table: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
        values = table.get(key, [])
        if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
            raise self._wrong(f"{where}: {key} are tables: [[systems.NAME.{key}]]")
        return values

    def _known(self, table: dict[str, Any], keys: set[str], where: str) -> None:
        if unknown := sorted(set(table) - keys):
            raise self._wrong(f"{where} has no key '{unknown[0]}'", meant(unknown[0], keys))

    def _wrong(self, why: str, hint: str = "") -> ResponseError:
        return ResponseError(f"{self._path}: {why}.", f"{hint}docs/contain.md shows what it holds.")
