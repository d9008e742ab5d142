"""Whether a domain lets a client send mail in its name: check_host of SPF (RFC 7208). The DNS is given, not asked here.

The limits of section 4.6.4 hold over the whole question, includes and redirects together: ten terms that look something
up, two answers with nothing in them, ten hosts of one mx, ten names of one client. Beyond the first three the record
is taken for wrong (permerror); more names of a client are not looked at. `exp=` is read and not followed: nobody is
answered.

The caller still owes: where the client's address comes from. It is the question, not the answer.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal, Protocol

from leaktrace.mailroom.domains import canonical_host
from leaktrace.mailroom.spfmacros import Address, Mailer, depends_on_mail, expand
from leaktrace.mailroom.spfrecord import BadSpfError, Network, SpfRecord, Term, choose_record, read_spf
from leaktrace.records import SpfResult

RecordKind = Literal["TXT", "A", "AAAA", "MX", "PTR"]
_COUNTED = frozenset(("include", "a", "mx", "ptr", "exists"))


class Names(Protocol):
    """The DNS, as far as SPF and DMARC ask it."""

    def find(self, name: str, kind: RecordKind, *, is_of_mail: bool = False) -> tuple[str, ...] | None:
        """The records of a name; empty: there are none; null: no answer could be had.

        TXT: the strings of each put together; MX and PTR: host names. `is_of_mail`: the name is made of the mail's
        sender or client, and is to be kept nowhere.
        """


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one question may ask, whatever the records say (section 4.6.4)."""

    lookup_count: int = 10
    """Terms that look something up."""
    void_count: int = 2
    """Answers with nothing in them."""
    name_count: int = 10
    """Hosts of one mx, names of one client."""
    expanded_characters: int = 4000
    """Of one name before it is cut to the 253 it may have."""


class _TempError(Exception):
    """The DNS did not answer."""


_LIMITS = Limits()


def check_host(address: str, sender: str, greeting: str, names: Names, limits: Limits = _LIMITS) -> SpfResult:
    """What the sender's domain says of this client. `sender`: MAIL FROM, empty for the null sender; `greeting`: HELO.

    Never raises: what is no address gets `none` with its reason.
    """
    local, at, domain = sender.rpartition("@")
    if not sender:
        local, domain = "postmaster", greeting
    elif not at:
        local, domain = "postmaster", sender
    try:
        client = ipaddress.ip_address(address)
    except ValueError:
        return SpfResult("none", domain.lower(), "the client's address is none")
    mapped = client.ipv4_mapped if client.version == 6 else None
    mailer = Mailer(mapped or client, local or "postmaster", domain, greeting)
    return _Check(mailer, names, limits).result(domain)


class _Check:
    """One question, with what it has spent so far."""

    def __init__(self, mailer: Mailer, names: Names, limits: Limits) -> None:
        self._mailer = mailer
        self._names = names
        self._limits = limits
        self._lookup_count = self._void_count = 0
        self._named: tuple[str, ...] | None = None

    def result(self, domain: str) -> SpfResult:
        try:
            verdict, reason = self._of_domain(domain)
            return SpfResult(verdict, domain.lower(), reason)
        except BadSpfError as error:
            return SpfResult("permerror", domain.lower(), str(error))
        except _TempError as error:
            return SpfResult("temperror", domain.lower(), str(error))

    def _of_domain(self, domain: str) -> tuple[_Verdict, str]:
        host = _host(domain)
        if host is None:
            return "none", "the sender's domain is no name that the DNS may have"
        texts = self._find(host, "TXT", is_of_mail=False, counts=False)
        written = choose_record(texts)
        if written is None:
            return "none", f"{host} publishes no SPF record"
        record = read_spf(written)
        for term in record.terms:
            if term.kind in _COUNTED:
                self._count()
            if self._matches(term, host):
                return term.qualifier, f"{self._mailer.address} meets {term.written} of {host}"
        return self._redirected(record, host)

    def _redirected(self, record: SpfRecord, host: str) -> tuple[_Verdict, str]:
        if record.redirect is None:
            return "neutral", f"{self._mailer.address} meets no term of {host}"
        self._count()
        verdict, reason = self._of_domain(self._expanded(record.redirect, host))
        if verdict == "none":
            raise BadSpfError(f"redirect= of {host} leads to no SPF record")
        return verdict, reason

    def _matches(self, term: Term, host: str) -> bool:
        client = self._mailer.address
        if term.kind == "all":
            return True
        if term.network is not None:
            return client in term.network
        name = host if term.domain is None else self._expanded(term.domain, host)
        of_mail = term.domain is not None and depends_on_mail(term.domain)
        match term.kind:
            case "include":
                return self._includes(name, host)
            case "exists":
                return bool(self._find(name, "A", is_of_mail=of_mail))
            case "ptr":
                return any(_is_within(one, name) for one in self._client_names())
            case "mx":
                hosts = self._find(name, "MX", is_of_mail=of_mail)
                if len(hosts) > self._limits.name_count:
                    raise BadSpfError(f"{name[:100]} has more than {self._limits.name_count} hosts for mail")
                return any(self._has_address(one, term.bits, is_of_mail=of_mail) for one in hosts)
            case _:
                return self._has_address(name, term.bits, is_of_mail=of_mail)

    def _includes(self, name: str, host: str) -> bool:
        verdict, reason = self._of_domain(name)
        if verdict == "none":
            raise BadSpfError(f"include of {host} leads to no SPF record: {reason}")
        return verdict == "pass"

    def _has_address(self, name: str, bits: tuple[int, int], *, is_of_mail: bool) -> bool:
        found = self._find(name, self._address_kind(), is_of_mail=is_of_mail)
        length = bits[0] if self._mailer.address.version == 4 else bits[1]
        return any(self._mailer.address in network for one in found if (network := _network(one, length)) is not None)

    def _client_names(self) -> tuple[str, ...]:
        """Names of the client that lead back to its address (section 5.5); an error is no name."""
        if self._named is None:
            named = self._names.find(self._mailer.address.reverse_pointer, "PTR", is_of_mail=True) or ()
            kind, address = self._address_kind(), self._mailer.address
            self._named = tuple(
                one
                for one in named[: self._limits.name_count]
                if _host(one) is not None
                and any(_address(found) == address for found in self._names.find(one, kind, is_of_mail=True) or ())
            )
        return self._named

    def _expanded(self, spec: str, host: str) -> str:
        def validated() -> str:
            found = self._client_names()
            near = [one for one in found if one.lower() == host] + [one for one in found if _is_within(one, host)]
            return next(iter((*near, *found)), "unknown")

        return expand(spec, self._mailer, host, validated, self._limits.expanded_characters)

    def _address_kind(self) -> Literal["A", "AAAA"]:
        return "A" if self._mailer.address.version == 4 else "AAAA"

    def _count(self) -> None:
        self._lookup_count += 1
        if self._lookup_count > self._limits.lookup_count:
            raise BadSpfError(f"its SPF record asks for more than {self._limits.lookup_count} look-ups")

    def _find(self, name: str, kind: RecordKind, *, is_of_mail: bool, counts: bool = True) -> tuple[str, ...]:
        host = _host(name)
        if host is None:
            return ()
        found = self._names.find(host, kind, is_of_mail=is_of_mail)
        if found is None:
            raise _TempError(f"the DNS did not answer for {'a name of its SPF record' if is_of_mail else name[:100]}")
        if not found and counts:
            self._void_count += 1
            if self._void_count > self._limits.void_count:
                raise BadSpfError(f"its SPF record names more than {self._limits.void_count} things that do not exist")
        return found


_Verdict = Literal["pass", "fail", "softfail", "neutral", "none"]


def _host(name: str) -> str | None:
    """The name as it is asked for; null for what no name in the DNS can be (section 4.3)."""
    text = name.removesuffix(".")
    if not text.isascii():
        text = canonical_host(text) or ""
    labels = text.lower().split(".")
    whole = len(labels) > 1 and all(1 <= len(label) <= 63 for label in labels) and len(text) <= 253
    return ".".join(labels) if whole and text.isprintable() else None


def _network(address: str, length: int) -> Network | None:
    try:
        return ipaddress.ip_network((address, length), strict=False)
    except ValueError:
        return None


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_within(name: str, domain: str) -> bool:
    name, domain = name.removesuffix(".").lower(), domain.removesuffix(".").lower()
    return name == domain or name.endswith("." + domain)
