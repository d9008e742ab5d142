"""Which domain somebody registered, and which domains say nothing about who is behind a mail.

The Public Suffix List is the one bundled with tldextract; nothing is ever downloaded. Its private part counts too, so
that two shops of one hosting company are two registrants. A suffix the list does not know follows the list's own
default rule `*`: the last label is the suffix.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable
from importlib import resources
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

_PLAIN_LINK = re.compile(
    r"(https?)://([A-Za-z0-9.-]+)(?::[0-9]{1,4})?(/[!\"$-;=@-Z\\^-~]*)?(?:\?([!\"$-Z\\^-~]*))?(?:#[!-~]*)?\Z"
)
"""Nearly every link: what `urlsplit` makes of these is plain, and it takes ten times as long."""


@functools.cache
def listed(name: Literal["freemail", "shared", "company-forms", "trade-words"]) -> frozenset[str]:
    """The domains or words in one of the lists shipped beside this file; each list's first line says what it is."""
    text = (resources.files("leaktrace.mailroom") / "lists" / f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


@functools.cache
def _split() -> Callable[[str], tuple[str, str]]:
    # Imported on first use: tldextract pulls in an HTTP client, which commands that read no mail need not load.
    import tldextract

    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)

    @functools.lru_cache(maxsize=65536)
    def split(host: str) -> tuple[str, str]:
        parts = extract(host)
        return str(parts.domain), str(parts.suffix)

    return split


def _has_foreign(host: str) -> bool:
    return any(c.isspace() or c in "@/\\[]:<>\"'(),;" for c in host)


def canonical_host(host: str) -> str | None:
    """The host in lower case and A-labels without a trailing dot; None for an IP literal or what is no host name."""
    host = host.strip().strip(".").lower()
    if not host or _has_foreign(host):
        return None
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    # Nameprep may take a letter apart into what no host name has (U+00A8 holds a space).
    if _has_foreign(host):
        return None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host if "." in host else None
    return None


@functools.lru_cache(maxsize=65536)
def registrable(host: str) -> str | None:
    """The domain that somebody registered above this host (`news.shop.co.uk` -> `shop.co.uk`), or None."""
    canonical = canonical_host(host)
    if canonical is None:
        return None
    domain, suffix = _split()(canonical)
    if suffix:
        return f"{domain}.{suffix}" if domain else None
    labels = canonical.split(".")
    return ".".join(labels[-2:]) if all(labels[-2:]) else None


def domain_of_address(address: str | None) -> str | None:
    """The registrable domain of an address, or None."""
    return registrable(address.rpartition("@")[2]) if address and "@" in address else None


class LinkPlace(NamedTuple):
    """The parts of a link that tell where it leads."""

    scheme: str
    host: str
    """In lower case."""
    path: str
    query: str


def split_link(url: str) -> LinkPlace | None:
    """Scheme, host, path and query of a link of any scheme, as `urlsplit` has them; None for what is no link."""
    plain = _PLAIN_LINK.match(url)
    if plain is not None:
        scheme, host, path, query = plain.groups("")
        return LinkPlace(scheme, host.lower(), path, query)
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    return LinkPlace(parts.scheme, host, parts.path, parts.query)


def domain_of_link(url: str) -> str | None:
    """The registrable domain a web link leads to; of a `mailto:`, that of its address; None for anything else."""
    plain = _PLAIN_LINK.match(url)
    if plain is not None:
        return registrable(plain.group(2).lower())
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme == "mailto":
        return domain_of_address(parts.path.split("?", 1)[0].split(",", 1)[0])
    return registrable(host) if host and parts.scheme in {"http", "https"} else None


def tells_who(domain: str | None) -> bool:
    """Whether two mails that share this domain share more than a provider."""
    return domain is not None and domain not in listed("freemail") and domain not in listed("shared")


def label_of(domain: str) -> str:
    """The part of a registrable domain that its owner chose, in readable script (`xn--...` decoded)."""
    label = domain.split(".", 1)[0]
    try:
        return label.encode("ascii").decode("idna") if label.startswith("xn--") else label
    except UnicodeError:
        return label
