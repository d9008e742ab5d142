"""Every setting: name with its unit, default and help, in one table (`docs/settings.md` is checked against it).

A workspace keeps what differs from the defaults in `settings.json`; the digest of all values goes into each
finding's provenance, so that a finding can be computed again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from leaktrace.errors import UsageError, meant

ENGINES = ("index", "duckdb", "spark")
"""What answers questions of the ledger: the index, and DuckDB where it has no answer; DuckDB over the lake; Spark over
the lake. Here, because the program's help names them and loads no engine for that."""


def _setting(default: Any, help_text: str, low: float | None = None, high: float | None = None) -> Any:
    return field(default=default, metadata={"help": help_text, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a workspace."""

    # attribution
    naming_threshold_probability: float = _setting(
        0.99, "A principal is named only from this probability of being a source on.", 0.9, 0.9999
    )
    nobody_threshold_probability: float = _setting(
        0.9, "'Nobody inside' is said only from this probability on.", 0.5, 0.9999
    )
    set_mass_probability: float = _setting(
        0.95,
        "A set is the smallest group of principals that reaches this share of a source's mass.",
        0.5,
        0.999,
    )
    insider_prior_probability: float = _setting(
        0.5, "Chance, before any evidence, that a campaign has an insider source.", 0.001, 0.9
    )
    insider_prior_floor_probability: float = _setting(
        0.05, "What was learned over other campaigns lowers that chance to this at most.", 0.001, 0.9
    )
    error_budget_names: float = _setting(
        0.05,
        "Expected wrong names in this workspace from which on a new name needs ten times the evidence, while few were "
        "named; of many names, as many as the naming threshold leaves to each.",
        0.001,
        10.0,
    )
    seller_block_threshold_probability: float = _setting(
        0.9,
        "A seller to whom the mails are tied less surely is blocked only with what else ties them, written by who asks "
        "and by who approves.",
        0.5,
        0.9999,
    )
    exposure_window_days: int = _setting(
        730, "How far before the mail an access still counts as the possible moment of the leak.", 1, 3650
    )
    campaign_margin_days: int = _setting(
        14,
        "A second cut lies this long before the campaign's first mail; a name must hold under both, so that whoever "
        "handled an earlier, unreported mail is not taken for its source.",
        0,
        365,
    )
    earlier_wave_days: int = _setting(
        90,
        "So long before the campaign's first mail an earlier one that nobody reported may have come: nobody is named "
        "for customers opened in a burst since then, as who handles complaints does. 0: it is known that none came.",
        0,
        365,
    )
    sellers_without_customers: tuple[str, ...] = _setting(
        (),
        "Ids of sellers of whom it is known that they have no customers yet: where the contacts table has none of a "
        "seller in evidence, but of most others, nobody is named, for they may be missing.",
    )
    complaint_handlers: tuple[str, ...] = _setting(
        (),
        "Principals known to handle complaints about unwanted mail: that they opened complaining customers' records in "
        "a burst does not keep anybody else from being named. A source can look just like them: check first.",
    )
    mended_files: tuple[str, ...] = _setting(
        (),
        "Names of files of accesses whose rejected rows came again under another name, or are no accesses: else more "
        "than a stray one of them could hide a source, and nobody is cleared.",
    )
    checked_bulk_readers: tuple[str, ...] = _setting(
        (),
        "Principals of whom somebody checked what became of each read of many customers at once (an export, a search): "
        "where the log does not say whose they were, such a read keeps others from being named, and anybody from being "
        "cleared. One who gave them away can look just like a colleague: check first.",
    )
    report_delay_days: int = _setting(
        30,
        "Where only the time of a complaint is known, accesses this long before it count neither for nor against.",
        0,
        365,
    )
    control_count: int = _setting(20000, "Customers drawn as controls for one finding.", 100, 200000)
    control_seed: int = _setting(1, "Seed of the draw of controls, so that a finding can be computed again.", 0)
    # ledger
    log_gap_days: int = _setting(
        3,
        "So many days in a row without rows of a tool that otherwise writes daily are a gap in the log.",
        1,
        90,
    )
    clock_step_seconds: int = _setting(
        300, "Times that run backwards by more than this inside one source file are a clock step.", 1, 86400
    )
    segment_target_rows: int = _setting(
        4_000_000,
        "Segments of a table and month with fewer rows are merged by `ledger compact` into segments of up to so many.",
        1000,
        1_000_000_000,
    )
    ingest_memory_megabytes: int = _setting(
        2048,
        "Memory DuckDB and the driver of Spark may use before they spill to the disk. A run of accesses is as large as "
        "this allows, however large the file; a followed batch is at most a sixteenth of this.",
        128,
        65536,
    )
    # mailroom
    message_ceiling_bytes: int = _setting(
        50_000_000, "A larger message is stored as unreadable, not parsed.", 1000, 1_000_000_000
    )
    part_ceiling_count: int = _setting(1000, "MIME parts read in one message.", 10, 100_000)
    depth_ceiling_count: int = _setting(32, "MIME nesting read in one message.", 2, 100)
    text_ceiling_bytes: int = _setting(
        4_000_000,
        "Decoded bytes of text read in one message, whatever its parts decode to.",
        10_000,
        100_000_000,
    )
    own_domains: tuple[str, ...] = _setting(
        (),
        "Domains of our own marketplace: a link there tells a mail's sender by the shop or product it leads to only.",
    )
    trusted_receivers: tuple[str, ...] = _setting(
        (), "Host names whose Received fields are believed (ours): the only source of a trusted time."
    )
    believed_sealers: tuple[str, ...] = _setting(
        (), "Domains whose ARC seal is believed about how a message came in: the reporters' mail providers."
    )
    dns_servers: tuple[str, ...] = _setting(
        (),
        "Addresses of DNS servers that are asked for DKIM keys, and for SPF and DMARC where an envelope is known, "
        "when mail comes, or 'system'; none: no look-ups.",
    )
    own_authserv_ids: tuple[str, ...] = _setting(
        (),
        "Names under which our own border servers write Authentication-Results: what they say of a sender is believed, "
        "where it stands above the border's own Received field (`trusted_receivers`).",
    )
    trusted_forwarders: tuple[str, ...] = _setting(
        (),
        "Addresses or networks of our own mail servers, or 'unix': only they are believed about whom they have a "
        "message from (XFORWARD at the listener, Received fields); none: nobody is.",
    )
    staff_addresses: tuple[str, ...] = _setting(
        (),
        "Domains and addresses of our employees, as `market.example` or `jo@partner.example`: where they passed a mail "
        "on, they are not taken for its sender.",
    )
    # ways in
    imap_poll_seconds: int = _setting(
        60, "How often a followed IMAP mailbox is asked for new mail, should its server not tell (IDLE).", 1, 86400
    )
    imap_timeout_seconds: int = _setting(60, "How long an IMAP server may take for an answer.", 1, 3600)
    listener_connection_ceiling_count: int = _setting(
        50, "Connections to the LMTP or SMTP listener at a time; more are told to come back (421).", 1, 10_000
    )
    listener_recipient_ceiling_count: int = _setting(100, "Recipients of one message at the listener.", 1, 10_000)
    listener_line_ceiling_bytes: int = _setting(
        100_000, "A message with a longer line is refused by the listener (500).", 1000, 10_000_000
    )
    listener_timeout_seconds: int = _setting(300, "A silent connection to the listener is closed after this.", 1, 3600)
    # acknowledgements
    acknowledge_reports: bool = _setting(
        False, "Whether reporters are thanked by mail (docs/mailbox.md); needs `acknowledge_from`."
    )
    acknowledge_from: str = _setting("", "Address that acknowledgements come from, as report-abuse@market.example.")
    acknowledge_name: str = _setting("", "Name shown beside that address.")
    acknowledge_every_days: int = _setting(
        7, "A reporter is thanked once in so many days, whatever they send.", 1, 3650
    )
    acknowledge_hourly_ceiling_count: int = _setting(
        200, "Acknowledgements sent in one hour; a report beyond that is not acknowledged.", 1, 1_000_000
    )
    smtp_relay_host: str = _setting("localhost", "Mail server that acknowledgements are handed to.")
    smtp_relay_port: int = _setting(25, "Its port.", 1, 65535)

    def without_earlier_mail(self) -> Settings:
        """These, where it is known that no earlier mail of the sender came: nobody handled complaints about one."""
        return dataclasses.replace(self, campaign_margin_days=0, earlier_wave_days=0)

    def renamed(self, pseudonym: Callable[[str], str]) -> Settings:
        """These, with a pseudonym for each principal, and for each employee's address, that they name.

        Their digest is of what is told: one of the true names would let whoever has a list of staff try them.
        """
        return dataclasses.replace(
            self,
            complaint_handlers=tuple(map(pseudonym, self.complaint_handlers)),
            checked_bulk_readers=tuple(map(pseudonym, self.checked_bulk_readers)),
            staff_addresses=tuple(pseudonym(one) if "@" in one else one for one in self.staff_addresses),
        )

    def digest(self) -> str:
        """SHA-256 over all values, in canonical JSON."""
        return hashlib.sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()

    def document(self) -> dict[str, Any]:
        """Name -> value, as JSON knows them."""
        return {
            f.name: list(value) if isinstance(value := getattr(self, f.name), tuple) else value
            for f in dataclasses.fields(self)
        }


def from_document(document: dict[str, Any]) -> Settings:
    """Settings from name -> value; UsageError on an unknown name, a wrong type or a value out of range."""
    known = {f.name: f for f in dataclasses.fields(Settings)}
    values: dict[str, Any] = {}
    for name, value in document.items():
        if name not in known:
            hint = f"{meant(name, known)}docs/settings.md lists them all."
            raise UsageError(f"There is no setting '{name}'.", hint)
        values[name] = _checked(name, value, known[name])
    return Settings(**values)


def _checked(name: str, value: Any, described: dataclasses.Field[Any]) -> Any:
    default = described.default
    if isinstance(default, tuple):
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise UsageError(f"The setting '{name}' is a list of texts, not {value!r}.")
        return tuple(value)
    if isinstance(default, bool | str):
        if type(value) is not type(default):
            raise UsageError(f"The setting '{name}' is {_kind(default)}, not {value!r}.")
        return value
    if isinstance(value, bool) or not isinstance(value, int if isinstance(default, int) else int | float):
        raise UsageError(f"The setting '{name}' is {_kind(default)}, not {value!r}.")
    low, high = described.metadata["low"], described.metadata["high"]
    if (low is not None and value < low) or (high is not None and value > high):
        hint = "docs/settings.md lists them all."
        raise UsageError(f"The setting '{name}' {_bounds(low, high)}; {value} does not.", hint)
    return int(value) if isinstance(default, int) else float(value)


def _bounds(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"lies between {low} and {high}"
    return f"begins at {low}" if high is None else f"ends at {high}"


def _kind(default: Any) -> str:
    if isinstance(default, bool | str):
        return "true or false" if isinstance(default, bool) else "a text"
    return "a whole number" if isinstance(default, int) else "a number"
