"""notices.toml of a workspace: who writes, through which relay, with which key, and where addresses are looked up.

Secrets are named by files, never written into it.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from leaktrace.errors import ResponseError, UsageError, meant
from leaktrace.response.notices.facts import NoticeFacts
from leaktrace.response.notices.laws import LANGUAGES, laws
from leaktrace.response.notices.mailaddress import ready
from leaktrace.response.notices.relay import RelayAddress
from leaktrace.response.notices.sending import SendLimits
from leaktrace.secretfiles import ReadByOthersError, only_owner, read_secret

MOST_AT_ONCE = 1000
"""Customers whose addresses are looked up, and held, at once."""
_TABLES: dict[str, frozenset[str]] = {
    "from": frozenset({"name", "address", "reply_to"}),
    "bounces": frozenset({"mailbox", "domain"}),
    "relay": frozenset({"host", "port", "tls", "ca_file", "user", "password_file", "hello", "timeout_seconds"}),
    "dkim": frozenset({"domain", "selector", "key_file"}),
    "contact": frozenset({"mail", "page", "phone", "post", "officer"}),
    "directory": frozenset({"kind", "path", "query", "command", "customer_column", "address_column"}),
    "sending": frozenset({"window", "rate_per_second", "fsync_each", "canary"}),
    "texts": frozenset({"folder", "default_language", "consented_laws"}),
}
_MAILBOX = re.compile(r"[a-z0-9._-]{1,24}")
_SELECTOR = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class DirectoryConfig:
    """Where the company keeps its customers' addresses."""

    kind: str
    path: Path | None = None
    query: str = ""
    command: tuple[str, ...] = ()
    customer_column: str = "customer"
    address_column: str = "email"


@dataclass(frozen=True, slots=True)
class NoticeConfig:
    """All of notices.toml."""

    from_name: str
    from_address: str
    reply_to: str
    bounce_mailbox: str
    bounce_domain: str
    relay: RelayAddress
    dkim_domain: str
    dkim_selector: str
    dkim_key_file: Path
    contact: dict[str, str]
    directory: DirectoryConfig
    limits: SendLimits = field(default_factory=SendLimits)
    fsync_each: bool = False
    canary_count: int = 25
    template_folder: Path | None = None
    default_language: str = "en"
    consented_laws: tuple[str, ...] = ()

    def facts(self) -> NoticeFacts:
        """What the company says of itself; the case adds the rest."""
        said = self.contact
        return NoticeFacts(
            company=self.from_name,
            contact_mail=said.get("mail", ""),
            contact_page=said.get("page", ""),
            contact_phone=said.get("phone", ""),
            contact_post=said.get("post", ""),
            officer=said.get("officer", ""),
        )


def read_config(path: Path) -> NoticeConfig:
    """The file, checked; relative paths in it are relative to it. UsageError names what is wrong."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"There is no {path}.", "docs/notices.md has one to begin with.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "docs/notices.md has one to begin with.") from error
    try:
        return config_of(document, path.parent)
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", error.hint or _SEE) from error


_SEE = "docs/notices.md says what stands there."


def _meant(name: str, known: Iterable[str]) -> str:
    return meant(name, known) + _SEE


def config_of(document: dict[str, Any], folder: Path) -> NoticeConfig:
    """The configuration a parsed file holds."""
    for table, values in document.items():
        if table not in _TABLES or not isinstance(values, dict):
            raise UsageError(f"there is no table [{table}].", _meant(table, _TABLES))
        if unknown := sorted(set(values) - _TABLES[table]):
            raise UsageError(f"there is no {unknown[0]} in [{table}].", _meant(unknown[0], _TABLES[table]))
    sender = _table(document, "from")
    address = _address(sender, "address")
    bounces = document.get("bounces", {})
    dkim = _table(document, "dkim")
    texts, sending = document.get("texts", {}), document.get("sending", {})
    return NoticeConfig(
        from_name=_line(sender, "name"),
        from_address=address,
        reply_to=_address(sender, "reply_to") if "reply_to" in sender else address,
        bounce_mailbox=_matching(bounces.get("mailbox", "bounces"), _MAILBOX, "bounces.mailbox"),
        bounce_domain=_domain(bounces.get("domain", address.rpartition("@")[2]), "bounces.domain"),
        relay=_relay(_table(document, "relay"), folder),
        dkim_domain=_domain(dkim.get("domain", address.rpartition("@")[2]), "dkim.domain"),
        dkim_selector=_matching(dkim.get("selector", ""), _SELECTOR, "dkim.selector"),
        dkim_key_file=folder / _line(dkim, "key_file"),
        contact=_contact(document.get("contact", {})),
        directory=_directory(_table(document, "directory"), folder),
        limits=SendLimits(
            window_count=_whole(sending, "window", 100, 1, MOST_AT_ONCE),
            rate_per_second=_rate(sending.get("rate_per_second")),
        ),
        fsync_each=_yes(sending, "fsync_each"),
        canary_count=_whole(sending, "canary", 25, 0, 100_000),
        template_folder=folder / _line(texts, "folder") if "folder" in texts else None,
        default_language=_one_of(texts.get("default_language", "en"), LANGUAGES, "texts.default_language"),
        consented_laws=tuple(
            _one_of(one, tuple(laws()), "texts.consented_laws") for one in _words(texts, "texts", "consented_laws")
        ),
    )


def _table(document: dict[str, Any], name: str) -> dict[str, Any]:
    if name not in document:
        raise UsageError(f"the table [{name}] is missing.")
    found: dict[str, Any] = document[name]
    return found


def _line(values: dict[str, Any], name: str) -> str:
    """A text of one line without anything that acts on a display or could end a header field."""
    text = values.get(name)
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST_TEXT:
        raise UsageError(f"{name} is missing, or is no text of at most {_LONGEST_TEXT} characters.")
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Zl", "Zp") for sign in text):
        raise UsageError(f"{name} holds a control character or a line break.")
    return text.strip()


def _address(values: dict[str, Any], name: str) -> str:
    address, reason = ready(_line(values, name), ())
    if reason is not None:
        raise UsageError(f"{name} is no mail address that a relay takes.")
    return address


def _domain(text: object, name: str) -> str:
    address, reason = ready(f"x@{text}", ())
    if reason is not None:
        raise UsageError(f"{name} is no domain.")
    return address.partition("@")[2]


def _matching(text: object, pattern: re.Pattern[str], name: str) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise UsageError(f"{name} is missing or has characters it may not have.")
    return text


def _one_of(text: object, allowed: tuple[str, ...], name: str) -> str:
    if text not in allowed:
        raise UsageError(f"{name} is one of {', '.join(allowed)}.")
    return str(text)


def _whole(values: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = values.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise UsageError(f"{name} is a whole number between {low} and {high}.")
    return value


def _yes(values: dict[str, Any], name: str) -> bool:
    value = values.get(name, False)
    if not isinstance(value, bool):
        raise UsageError(f"{name} is true or false.")
    return value


def _words(values: dict[str, Any], table: str, name: str) -> tuple[str, ...]:
    listed = values.get(name, ())
    if not isinstance(listed, list | tuple) or not all(isinstance(word, str) for word in listed):
        raise UsageError(f"{table}.{name} is a list of words.")
    return tuple(listed)


def _rate(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.01 <= value <= 100_000:
        raise UsageError("rate_per_second is a number between 0.01 and 100000.")
    return float(value)


def _contact(values: dict[str, Any]) -> dict[str, str]:
    said = {name: _line(values, name) for name in values}
    if "mail" in said:
        said["mail"] = _address(said, "mail")
    if "page" in said:
        if not _is_page(said["page"]):
            raise UsageError("contact.page is an https address without a user name.")
        if re.search(r"(?i)passw|reset|log-?in|sign-?in", said["page"]):
            raise UsageError("contact.page leads to a sign-in or password page.", "Name a page that only informs.")
    return said


def _is_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets of an IPv6 address that is none
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not parts.username and not re.search(r"[\s\"<>]", url)


def _relay(values: dict[str, Any], folder: Path) -> RelayAddress:
    timeout = values.get("timeout_seconds", 300)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 1 <= timeout <= 3600:
        raise UsageError("relay.timeout_seconds is a number between 1 and 3600.")
    tls = _one_of(values.get("tls", "required"), ("required", "if_offered", "none"), "relay.tls")
    if "user" in values and tls != "required":
        raise UsageError('relay.user needs tls = "required": the password would cross the line in clear.')
    return RelayAddress(
        host=_line(values, "host"),
        port=_whole(values, "port", 25, 1, 65535),
        tls=tls,  # type: ignore[arg-type]
        ca_file=str(folder / _line(values, "ca_file")) if "ca_file" in values else None,
        user=_line(values, "user") if "user" in values else None,
        password=_secret(folder / _line(values, "password_file")) if "password_file" in values else None,
        hello=_line(values, "hello") if "hello" in values else "localhost",
        timeout_seconds=float(timeout),
    )


def _secret(path: Path) -> str:
    try:
        return read_secret(path).decode("utf-8").strip()
    except ReadByOthersError as error:
        raise ResponseError(f"Others may read {path.name}.", f"{only_owner(path)}.") from error
    except OSError as error:
        raise ResponseError(f"{path.name} cannot be read: {error.strerror}.", "Check its rights.") from error
    except UnicodeDecodeError:
        # Not `from error`: it holds the bytes.
        raise ResponseError(f"{path.name} is not UTF-8 text.", "Its one line is the password.") from None


def _directory(values: dict[str, Any], folder: Path) -> DirectoryConfig:
    kind = _one_of(values.get("kind"), ("csv", "sqlite", "duckdb", "command"), "directory.kind")
    command = _words(values, "directory", "command")
    if kind == "command" and not command:
        raise UsageError("directory.command is missing.")
    if kind in ("sqlite", "duckdb") and "query" not in values:
        raise UsageError("directory.query is missing.")
    return DirectoryConfig(
        kind=kind,
        path=folder / _line(values, "path") if "path" in values else None,
        query=_text(values, "query", ""),
        command=command,
        customer_column=_text(values, "customer_column", "customer"),
        address_column=_text(values, "address_column", "email"),
    )


def _text(values: dict[str, Any], name: str, default: str) -> str:
    text = values.get(name, default)
    if not isinstance(text, str):
        raise UsageError(f"directory.{name} is no text.")
    return text
