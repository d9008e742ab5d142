"""A public statement, the claims it stands on, and whether it may be published."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GateCondition:
    """One condition of publication, and whether it is met."""

    gate: str
    text: str
    met: bool
    because: str


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Whether a statement may be published: only when every condition is met."""

    met: bool
    conditions: tuple[GateCondition, ...]
    policy_sha256: str


@dataclass(frozen=True, slots=True)
class StatementSentence:
    """One sentence of a statement, with the claims of the case it stands on."""

    sentence: str
    text: str
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatementDraft:
    """A statement as it was filled from the facts of a case."""

    case: str
    audience: str
    """`public`, or a residence whose law forbids some content (`US-MA`)."""
    titles: dict[str, str]
    sentences: dict[str, tuple[StatementSentence, ...]]
    """Language -> sentences in order."""
    left_out: tuple[str, ...]
    """Sentences that the facts do not bear, or that the audience's law forbids, with the reason."""
    exposure_sha256: str
    company: str
    contact: str
    schema: str = "leaktrace.statement/1"


@dataclass(frozen=True, slots=True)
class StatementState:
    """A drafted statement, where it is kept, and how the gate stands."""

    draft: StatementDraft
    exhibit: str
    sha256: str
    gate: GateVerdict
    parameters_sha256: str
    """What two people sign to publish it."""
    published: bool = False
