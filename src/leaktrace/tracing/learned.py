"""What a workspace remembers of its traces: numbers that teach about other campaigns, and the names it gave.

`learned.json` holds one object, `{body, tag}`; `tag` is a keyed tag over the canonical JSON of the body, so that a
damaged or changed file is refused. Persons are in it as keyed numbers, campaigns by their ids, customers not at all.
It is written aside, synced and renamed under a lock: a kill leaves the old file or the new one.

There is no file before the first trace. Whoever removes it removes what was learned and the record of names given; the
look-up log still shows every trace.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from leaktrace.attribution import CampaignNumbers, GivenName, allowed_wrong, error_of, expected_wrong, withheld
from leaktrace.errors import WorkspaceError
from leaktrace.folder import cannot_write
from leaktrace.keys import Keyring
from leaktrace.wholefiles import replace_file

FORMAT = 1
_HINT = (
    "Restore it from a backup. Removing it forgets what was learned and which names were given: then the error budget "
    "starts anew."
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the numbers of a campaign are, and of what they were computed."""

    numbers: CampaignNumbers
    report_count: int
    basis: str
    """Digest of all that the numbers stand on: the same basis gives the same numbers."""
    tells: bool
    """Whether it teaches anything about other campaigns: a mail campaign whose log and controls were whole."""


@dataclass(frozen=True, slots=True)
class NameGiven:
    """A person named at some look at a campaign."""

    error: float
    """Chance that it was somebody else, as the budget counts it."""
    is_named: bool
    """Whether the last look still named them."""


@dataclass(frozen=True, slots=True)
class Look:
    """One trace as it ended: what was looked at and whom it would name."""

    evidence_digest: str
    outcome: str
    chances: Mapping[str, float]
    """Person (keyed number, hex) -> chance of being a source, of the named and of whoever was named here before."""
    named: Collection[str]


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """All that is remembered of one campaign and field."""

    measured: Measured
    evidence_digest: str = ""
    """Of the last look."""
    outcome: str = ""
    look_count: int = 0
    """Looks with evidence that differed from the look before."""
    traced_at: str = ""
    """ISO 8601 in UTC, of the last look."""
    names: Mapping[str, NameGiven] = field(default_factory=dict)


Key = tuple[str, str]
"""Campaign and field."""


@dataclass(frozen=True, slots=True)
class Learned:
    """The whole file."""

    records: Mapping[Key, CampaignRecord] = field(default_factory=dict)

    def others(self, campaign: str, name: str, current: Collection[str]) -> tuple[CampaignNumbers, ...]:
        """The numbers of all other campaigns that there still are, for this field, in the order of their ids."""
        return tuple(
            record.measured.numbers
            for (other, asked), record in sorted(self.records.items())
            if asked == name and other != campaign and other in current and record.measured.tells
        )

    def spent(self) -> float:
        """Expected wrong names."""
        return expected_wrong(
            GivenName(person, given.error) for record in self.records.values() for person, given in record.names.items()
        )

    def persons(self) -> frozenset[str]:
        """Everybody ever named."""
        return frozenset(person for record in self.records.values() for person in record.names)

    def with_measured(self, key: Key, measured: Measured) -> Learned:
        """With the numbers of one campaign, its looks as they were."""
        known = self.records.get(key)
        record = CampaignRecord(measured) if known is None else replace(known, measured=measured)
        return Learned({**self.records, key: record})

    def with_look(self, key: Key, look: Look, at: str) -> Learned:
        """With one more look at a campaign that was measured."""
        known = self.records[key]
        names = {
            person: NameGiven(
                error_of(
                    1.0 - known.names[person].error if person in known.names else None,
                    look.chances.get(person, 0.0),
                    is_named=person in look.named,
                ),
                person in look.named,
            )
            for person in {*known.names, *look.named}
        }
        record = CampaignRecord(
            measured=known.measured,
            evidence_digest=look.evidence_digest,
            outcome=look.outcome,
            look_count=known.look_count + (look.evidence_digest != known.evidence_digest),
            traced_at=at,
            names=names,
        )
        return Learned({**self.records, key: record})

    def allowed(self, at_least: float, naming_threshold: float) -> float:
        """Expected wrong names from which on new names need more."""
        return allowed_wrong(at_least, naming_threshold, len(self.persons()))

    def withheld(self, named: Mapping[str, float], at_least: float, naming_threshold: float) -> frozenset[str]:
        """Of those a look would name, with their chances, whom it may not."""
        allowed = self.allowed(at_least, naming_threshold)
        return withheld(named, self.persons(), spent=self.spent(), allowed=allowed, naming_threshold=naming_threshold)


def read(path: Path, keyring: Keyring) -> Learned:
    """What is remembered; nothing before the first trace. WorkspaceError for a file that is not as it was written."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Learned()
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}.", "Check its rights.") from error
    try:
        document = json.loads(raw)
        body, tag = document["body"], str(document["tag"])
        if not hmac.compare_digest(_tag(body, keyring).encode(), tag.encode()):
            raise WorkspaceError(f"{path} is not as it was written with this workspace's key.", _HINT)
        if body["format"] != FORMAT:
            raise WorkspaceError(f"{path} is of another version ({body['format']}).", "Install the newer leaktrace.")
        return Learned({(one["campaign"], one["field"]): _record(one) for one in body["campaigns"]})
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WorkspaceError(f"{path} is damaged.", _HINT) from error


def update(path: Path, keyring: Keyring, change: Callable[[Learned], Learned]) -> Learned:
    """Reads, changes and writes under a lock; returns what is on disk now. WorkspaceError where that cannot be."""
    try:
        with _locked(path):
            after = change(read(path, keyring))
            # One name, for the lock lets in one writer: what a kill leaves is written over by the next.
            replace_file(path, _document(after, keyring), aside=path.with_suffix(".new"))
    except OSError as error:
        raise cannot_write(path, error) from error
    return after


def basis_of(*parts: str) -> str:
    """Digest of the parts in their order."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _record(document: dict[str, Any]) -> CampaignRecord:
    measured = document["measured"]
    return CampaignRecord(
        measured=Measured(
            CampaignNumbers(**measured["numbers"]), measured["report_count"], measured["basis"], measured["tells"]
        ),
        evidence_digest=document["evidence_digest"],
        outcome=document["outcome"],
        look_count=document["look_count"],
        traced_at=document["traced_at"],
        names={person: NameGiven(**given) for person, given in document["names"].items()},
    )


def _document(learned: Learned, keyring: Keyring) -> bytes:
    campaigns = [
        {"campaign": campaign, "field": name, **asdict(record)}
        for (campaign, name), record in sorted(learned.records.items())
    ]
    body = {"format": FORMAT, "campaigns": campaigns}
    return json.dumps({"body": body, "tag": _tag(body, keyring)}, sort_keys=True).encode() + b"\n"


def _tag(body: Any, keyring: Keyring) -> str:
    return keyring.log_tag(b"leaktrace learned\n" + json.dumps(body, sort_keys=True, allow_nan=False).encode())


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
