"""DKIM key records out of the DNS, kept with when and how they were found: selectors rotate, evidence stays.

A look-up tells the signer's DNS operator that somebody checks a signature, as every receiving mail server does. It is
off unless servers are named in the settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

import dns.exception
import dns.flags
import dns.inet
import dns.name
import dns.nameserver
import dns.resolver

from leaktrace.errors import MailError
from leaktrace.mailroom.smallbook import SmallBook
from leaktrace.mailroom.spf import RecordKind

Dnssec = Literal["secure", "not_secure"]
"""`secure`: the server that was asked says that it validated the answer (AD; RFC 4035, 3.2.3): its word, no proof."""
SYSTEM = "system"
KEYS_DB = "keys.db"
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.){2,30}[a-z0-9-]{1,63}\Z")
_NAME_CEILING_CHARACTERS = 253
_RECORD_CEILING_BYTES = 8000
LIFETIME_SECONDS = 5.0
FRESH = timedelta(hours=1)
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS keys (id INTEGER PRIMARY KEY, name TEXT NOT NULL, record TEXT, dnssec TEXT NOT NULL, "
    "asked_at TEXT NOT NULL, server TEXT NOT NULL) STRICT",
    "CREATE INDEX IF NOT EXISTS keys_by_name ON keys (name, asked_at)",
)


@dataclass(frozen=True, slots=True)
class FoundKey:
    """What the DNS said under one name."""

    name: str
    record: str | None
    """Null: there is no such record."""
    dnssec: Dnssec
    asked_at: datetime
    server: str


@dataclass(frozen=True, slots=True)
class FoundAnswer:
    """What the DNS said of one name and kind of record."""

    name: str
    kind: RecordKind
    records: tuple[str, ...]
    """Empty: there are none."""
    dnssec: Dnssec
    asked_at: datetime
    server: str


class KeyServer(Protocol):
    """Where key records are asked for."""

    def ask(self, name: str, now: datetime) -> FoundKey | None:
        """The record of a name, null where no answer could be had: that is not the same as no record."""


class DnsServer:
    """The DNS, by the servers named: addresses, as `192.0.2.53` or `192.0.2.53#5353`; `system`: this machine's."""

    def __init__(self, servers: tuple[str, ...]) -> None:
        system = servers == (SYSTEM,)
        try:
            self._resolver = dns.resolver.Resolver(configure=system)
            if not system:
                self._resolver.nameservers = [_server(one) for one in servers]
        except (ValueError, dns.exception.DNSException) as error:
            raise MailError(
                f"No DNS server can be asked by the setting dns_servers ({', '.join(servers)}): {error}.",
                "Name addresses such as 192.0.2.53, or 'system' alone.",
            ) from error
        self._resolver.use_edns(0, dns.flags.DO, 1232)
        self._resolver.flags = dns.flags.RD | dns.flags.AD
        self._names = ", ".join(servers)

    def ask(self, name: str, now: datetime) -> FoundKey | None:
        """One TXT look-up, five seconds at most."""
        answer = self.find(name, "TXT", now)
        if answer is None:
            return None
        # More than one record under a selector says nothing (RFC 6376, section 3.6.2.2): no key.
        only = answer.records[0] if len(answer.records) == 1 else None
        text = only if only is not None and len(only.encode()) <= _RECORD_CEILING_BYTES else None
        return FoundKey(name, text, answer.dnssec, now, answer.server)

    def find(
        self, name: str, kind: RecordKind, now: datetime, *, seconds: float = LIFETIME_SECONDS
    ) -> FoundAnswer | None:
        """One look-up of at most so many seconds; null where no answer could be had."""
        # Not by its text: there a backslash would begin an escape, and the name may be a stranger's words.
        try:
            asked = dns.name.Name([label.encode("utf-8") for label in name.split(".")] + [b""])
            answer = self._resolver.resolve(asked, kind, lifetime=seconds, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return FoundAnswer(name, kind, (), "not_secure", now, self._names)
        except dns.exception.DNSException:
            return None
        secure: Dnssec = "secure" if answer.response.flags & dns.flags.AD else "not_secure"
        return FoundAnswer(name, kind, _texts(answer, kind), secure, now, self._names)


def _texts(answer: dns.resolver.Answer, kind: RecordKind) -> tuple[str, ...]:
    """The records as the mailroom knows them: strings put together, addresses, names without their last dot.

    In an order of their own, for servers give them in any.
    """
    match kind:
        case "TXT":
            return tuple(sorted(b"".join(one.strings).decode("utf-8", "replace") for one in answer))
        case "MX":
            hosts = sorted((one.preference, one.exchange.to_text(omit_final_dot=True)) for one in answer)
            return tuple(host for _, host in hosts if host not in (".", "@"))  # a null MX takes no mail (RFC 7505)
        case "PTR":
            return tuple(sorted(one.target.to_text(omit_final_dot=True) for one in answer))
        case _:
            return tuple(sorted(str(one.address) for one in answer))


def _server(written: str) -> dns.nameserver.Nameserver:
    address, _, port = written.strip().partition("#")
    if not dns.inet.is_address(address):
        raise ValueError(f"'{written}' is no address")
    return dns.nameserver.Do53Nameserver(address, int(port or 53))


def kept_book(path: Path, schema: Iterable[str]) -> SmallBook:
    """A file of what the DNS said, made where there is none."""
    return SmallBook(path, schema, "Free space or make the disk writable, then do it again.")


class KeyBook(Mapping[str, str]):
    """Key records by name: kept ones that are fresh, else asked for and kept. Everything ever found stays."""

    def __init__(self, path: Path, server: KeyServer | None, clock: Callable[[], datetime]) -> None:
        self._book = kept_book(path, _SCHEMA)
        self._server = server
        self._clock = clock
        self._silent: set[str] = set()

    def close(self) -> None:
        """Lets the file go."""
        self._book.close()

    def __getitem__(self, name: str) -> str:
        """The record in force; KeyError where there is none or none could be had."""
        asked = name.rstrip(".").lower()
        if len(asked) > _NAME_CEILING_CHARACTERS or not _NAME.match(asked):
            raise KeyError(name)
        now = self._clock()
        found = self._kept(asked)
        stale = found is None or found.asked_at < now - FRESH
        if stale and self._server is not None and asked not in self._silent:
            fresh = self._server.ask(asked, now)
            if fresh is None:
                # Not asked again in this run: a mailbox full of one dead selector would wait for each.
                self._silent.add(asked)
            else:
                self._keep(fresh)
                found = fresh
        if found is None or found.record is None:
            raise KeyError(name)
        return found.record

    def __iter__(self) -> Iterator[str]:
        with self._book.reading() as connection:
            rows = connection.execute("SELECT DISTINCT name FROM keys ORDER BY name").fetchall()
        return iter([str(name) for (name,) in rows])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def history(self) -> tuple[FoundKey, ...]:
        """Everything ever found, oldest first: what goes with the evidence."""
        with self._book.reading() as connection:
            rows = connection.execute("SELECT name, record, dnssec, asked_at, server FROM keys ORDER BY id").fetchall()
        return tuple(FoundKey(n, r, d, datetime.fromisoformat(at), s) for n, r, d, at, s in rows)

    def _kept(self, name: str) -> FoundKey | None:
        with self._book.reading() as connection:
            row = connection.execute(
                "SELECT name, record, dnssec, asked_at, server FROM keys WHERE name = ? "
                "ORDER BY asked_at DESC, id DESC LIMIT 1",
                (name,),
            ).fetchone()
        return None if row is None else FoundKey(row[0], row[1], row[2], datetime.fromisoformat(row[3]), row[4])

    def _keep(self, found: FoundKey) -> None:
        with self._book.reading() as connection:
            connection.execute(
                "INSERT INTO keys (name, record, dnssec, asked_at, server) VALUES (?, ?, ?, ?, ?)",
                (found.name, found.record, found.dnssec, found.asked_at.isoformat(), found.server),
            )
