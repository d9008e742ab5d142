"""The public statement: what it claims the case shows, what opens the gate, and who releases it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.caserecords import (
    BundleWritten,
    CaseClosed,
    CaseEvent,
    CaseReopened,
    ContainmentConfirmed,
    ExposureList,
    ExposureRow,
    FindingAttached,
    GateAnswered,
    NoticesPlanned,
    NoticesReconciled,
    StatementDrafted,
    SubjectSet,
)
from leaktrace.errors import ApprovalError, ResponseError
from leaktrace.response.duties import builtin_laws, field_kinds, forbidden_for
from leaktrace.response.statement import (
    CLAIMS,
    LANGUAGES,
    StatementDesk,
    builtin_policy,
    builtin_wording,
    draft,
    judge_gate,
    policy_from_text,
    publication_parameters,
    statement_facts,
    statement_html,
    statement_text,
    wording_from_text,
)
from tests.response.fakes_response import Diary, TwoPeople

AT = datetime(2026, 10, 1, tzinfo=UTC)
WORDINGS = tuple(builtin_wording(language) for language in LANGUAGES)
NAMED = FindingAttached("E-0001", "c-1", "named", ("P-1",), "s-1", "0.98")
SUBJECTS = SubjectSet(("P-1",), ("s-1",), "named")
CONTAINED = ContainmentConfirmed("A-1", "P-1", "contained", "")


def exposure(
    only_email: Literal["yes", "no", "cannot_be_said"] = "yes",
    *,
    count: int = 120,
    fields: tuple[str, ...] = ("email",),
    mails: dict[str, int] | None = None,
) -> ExposureList:
    rows = tuple(
        ExposureRow(f"c{n:04d}", "confirmed" if n < 31 else "possible", fields, AT, "DE", "de", 1) for n in range(count)
    )
    return ExposureList(
        "c-1", "00", AT, rows, only_email, "because", AT, datetime(2026, 10, 9, tzinfo=UTC), (), mails or {}
    )  # fmt: skip


PLANNED = NoticesPlanned("1", exposure().sha256(), 120, 0)


def told(events: tuple[CaseEvent, ...] = (), listed: ExposureList | None = None, **options: Any) -> str:
    facts = statement_facts(listed or exposure(), events, numbers=options.pop("numbers", True), kind_of=field_kinds())
    made = draft("case-1", facts, WORDINGS, company="Example Market", contact="privacy@example.com", **options)
    return statement_text(made, "en")


# --- claims -----------------------------------------------------------------------------------------------


def test_only_email_is_said_when_the_list_says_so_and_only_then() -> None:
    assert "only e-mail addresses" in told()
    assert "only" not in told(listed=exposure("no"))
    assert "only" not in told(listed=exposure("cannot_be_said"))
    assert "were among the details seen: e-mail addresses, names" in told(
        listed=exposure("no", fields=("email", "name"))
    )
    assert "do not show completely" in told(listed=exposure("cannot_be_said"))


@pytest.mark.parametrize("changes", [{"fields": ("email", "phone")}, {"mails": {"order": 3}}, {"count": 0}])
def test_a_list_that_contradicts_itself_does_not_carry_the_claim(changes: dict[str, Any]) -> None:
    assert "only" not in told(listed=exposure("yes", **changes))


@pytest.mark.parametrize("only_email", ["no", "cannot_be_said"])
def test_without_anybody_on_the_list_nothing_is_said_of_our_records(
    only_email: Literal["no", "cannot_be_said"],
) -> None:
    assert "details" in told(listed=exposure(only_email, fields=("email", "name")))
    assert "details" not in told(listed=exposure(only_email, count=0, mails={"name": 3}))


def test_numbers_are_bounds_and_only_where_the_policy_allows() -> None:
    assert "The details of 120 customers could be seen there; of 31 of them we know" in told()
    without = told(numbers=False)
    assert not re.search(r"\b(31|120)\b", without)


@pytest.mark.parametrize(
    ("claim", "events", "said"),
    [
        ("inside the company", (NAMED,), True),
        ("inside the company", (replace(NAMED, outcome="undecided"),), False),
        ("inside the company", (NAMED, CaseClosed("error", "a mistake")), False),
        ("inside the company", (NAMED, CaseClosed("source_found", "so"), CaseReopened("new")), False),
        ("has been suspended", (SUBJECTS, ContainmentConfirmed("A-1", "P-1", "contained", "")), True),
        ("has been suspended", (SUBJECTS, ContainmentConfirmed("A-1", "P-1", "not_confirmed", "")), False),
        (
            "has been suspended",
            (
                SUBJECTS,
                ContainmentConfirmed("A-1", "P-1", "contained", ""),
                ContainmentConfirmed("A-2", "P-1", "undone", ""),
            ),
            False,
        ),
        (
            "has been suspended",
            (replace(SUBJECTS, principals=("P-1", "P-2")), ContainmentConfirmed("A-1", "P-1", "contained", "")),
            False,
        ),
        ("has been suspended", (), False),
        ("seller is blocked", (SUBJECTS, ContainmentConfirmed("A-1", "s-1", "contained", "")), True),
        ("seller is blocked", (SUBJECTS, ContainmentConfirmed("A-1", "P-1", "contained", "")), False),
        ("have written to all", (PLANNED, NoticesReconciled("1", 120, 120, 0, 0, 0, 0)), True),
        ("have written to all", (PLANNED, NoticesReconciled("1", 120, 119, 0, 1, 0, 0)), False),
        ("have written to all", (PLANNED, NoticesReconciled("1", 120, 119, 0, 0, 1, 0)), False),
        ("We are writing to the customers", (PLANNED, NoticesReconciled("1", 120, 119, 0, 1, 0, 0)), True),
        ("We are writing", (PLANNED, NoticesReconciled("1", 120, 0, 0, 0, 0, 120)), False),
        ("police", (BundleWritten("A-1", "00", 3, "police"),), True),
        ("police", (), False),
    ],
)
def test_a_claim_needs_its_event(claim: str, events: tuple[CaseEvent, ...], said: bool) -> None:
    assert (claim in told(events)) is said


@pytest.mark.parametrize(
    "events",
    [
        # Nobody writes to those of whom it is only possible that their data were seen, or who cannot be mailed.
        (PLANNED, NoticesReconciled("1", 120, 31, 0, 0, 89, 0)),
        (PLANNED, NoticesReconciled("1", 120, 20, 0, 0, 89, 11)),
        # The list was frozen anew since: nobody has planned to tell whom it got.
        (replace(PLANNED, exposure_sha256="00"), NoticesReconciled("1", 100, 100, 0, 0, 0, 0)),
        (replace(PLANNED, exposure_sha256="00"), NoticesReconciled("1", 100, 90, 0, 0, 0, 10)),
        (NoticesReconciled("1", 120, 120, 0, 0, 0, 0), replace(PLANNED, version="2")),
    ],
)
def test_whom_no_version_tells_is_not_said_to_be_told(events: tuple[CaseEvent, ...]) -> None:
    text = told(events)
    assert "to the customers" not in text
    assert "to all customers" not in text
    assert "We are writing to customers whose data were or may have been seen." in text


@given(st.sets(st.sampled_from(sorted(CLAIMS))), st.sampled_from(["en", "de"]))
def test_a_statement_is_exactly_the_sentences_whose_claims_hold(claims: set[str], language: str) -> None:
    facts = replace(
        statement_facts(exposure(), (), numbers=True, kind_of=field_kinds()), claims=frozenset(claims | {"dated"})
    )
    made = draft("case-1", facts, WORDINGS, company="Example Market", contact="x")
    shown = {one.sentence for one in made.sentences[language]}
    for sentence in builtin_wording(language).sentences:
        assert (sentence.id in shown) == (set(sentence.when) <= claims | {"dated"})


def test_languages_say_the_same() -> None:
    english, german = WORDINGS
    assert [(one.id, one.when, one.uses, one.tells) for one in english.sentences] == [
        (one.id, one.when, one.uses, one.tells) for one in german.sentences
    ]
    assert set(english.fields) == set(german.fields)


def test_massachusetts_is_told_neither_nature_nor_number() -> None:
    forbidden = forbidden_for("US-MA", builtin_laws())
    assert forbidden == frozenset({"nature_of_breach", "number_affected"})
    text = told((NAMED,), audience="US-MA", forbidden=forbidden)
    for word in ("unwanted", "e-mail addresses", "inside", "120", "31", "seen"):
        assert word not in text.replace("may have been seen", "")
    assert "Questions" in text
    assert not forbidden_for("US-CA", builtin_laws())


def test_an_audience_of_which_no_law_is_known_is_told_to_the_drafter() -> None:
    assert forbidden_for("TR", builtin_laws()) is None
    assert forbidden_for("us-ma", builtin_laws()) == forbidden_for("US-MA", builtin_laws())
    assert "nature_of_breach" in (forbidden_for("US", builtin_laws()) or ())  # it may be read in Massachusetts
    with pytest.raises(ResponseError, match="no residence"):
        forbidden_for("Xanadu", builtin_laws())
    facts = statement_facts(exposure(), (), numbers=True, kind_of=field_kinds())
    made = draft("case-1", facts, WORDINGS, company="C", contact="x", audience="TR", forbidden=None)
    assert "no rule is known of what its law forbids to say: ask counsel" in made.left_out[0]


def test_markup_in_a_name_is_text() -> None:
    facts = statement_facts(exposure(), (), numbers=True, kind_of=field_kinds())
    made = draft("case-1", facts, WORDINGS, company="<script>x</script> & Co {{ 7*7 }}", contact="x")
    assert "<script>x</script> & Co {{ 7*7 }}" in statement_text(made, "en")
    assert "<script>" not in statement_html(made, "en")
    for bad in ("", "a\nb", "x" * 201, "a\u202eb"):
        with pytest.raises(ResponseError, match="company"):
            draft("case-1", facts, WORDINGS, company=bad, contact="x")


WORDS = """
schema = "leaktrace.sentences/1"
language = "en"
title = "Statement"
[fields]
other = "details"
[[sentence]]
id = "one"
when = []
tells = []
text = "TEXT"
"""


@pytest.mark.parametrize(
    "text",
    [
        "Only e-mail addresses were seen.",
        "No passwords, and nothing else, were seen.",
        "All customers were told.",
        "The police have everything.",
        "The account was suspended.",
        "The seller was banned.",
        "An employee did it.",
        "Thousands are affected.",
        "412 customers are affected.",
        "{{ confirmed + shown }}",
        "{{ company.__class__ }}",
        "{{ company|upper }}",
        "{{ customers }}",
        "{% for x in company %}{{ x }}{% endfor %}",
        "{{ 7 }}",
        "{{ company",
    ],
)
def test_a_companys_own_sentence_cannot_claim_what_nothing_carries(text: str) -> None:
    assert wording_from_text(WORDS.replace("TEXT", "Customers got mail. {{ company }}"), "own.toml").sentences
    with pytest.raises(ResponseError, match=r"own\.toml"):
        wording_from_text(WORDS.replace("TEXT", text), "own.toml")
    with pytest.raises(ResponseError, match=r"own\.toml"):
        wording_from_text(WORDS.replace('"Statement"', json.dumps("Only e-mail")), "own.toml")


def test_a_sentence_without_the_value_it_names_stops_the_draft() -> None:
    own = wording_from_text(WORDS.replace("TEXT", "Since {{ since }}."), "own.toml")
    facts = statement_facts(exposure(count=0), (), numbers=True, kind_of=field_kinds())
    with pytest.raises(ResponseError, match="does not know"):
        draft("case-1", facts, (own,), company="x", contact="x")


# --- the gate ---------------------------------------------------------------------------------------------

DRAFTED = StatementDrafted("E-0001", "00")
OPEN = tuple(GateAnswered(gate, "open", "yes") for gate in ("counsel", "police_hold", "investigation_finished"))


@pytest.mark.parametrize(
    ("events", "count", "met"),
    [
        ((DRAFTED, *OPEN), 100, True),
        ((DRAFTED, *OPEN), 99, False),
        ((DRAFTED, *OPEN[:2]), 100, False),
        ((DRAFTED,), 100, False),
        ((), 100, False),
        ((*OPEN, DRAFTED), 100, False),  # counsel saw another text
        ((OPEN[1], OPEN[2], DRAFTED, OPEN[0]), 100, True),
        ((DRAFTED, *OPEN, GateAnswered("police_hold", "held", "wait")), 100, False),
        ((DRAFTED, *OPEN, GateAnswered("weekend", "held", "not now")), 100, False),  # a hold nobody foresaw
        ((DRAFTED, *OPEN, GateAnswered("police_hold", "held", "wait"), OPEN[1]), 100, True),
    ],
)
def test_the_gate(events: tuple[CaseEvent, ...], count: int, met: bool) -> None:
    verdict = judge_gate(builtin_policy(), events, count)
    assert verdict.met is met
    assert all(one.because for one in verdict.conditions)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'schema = "leaktrace.gate/1"\nnumbers = "bounds"',
        'schema = "leaktrace.gate/1"\nnumbers = "exact"\n[[condition]]\nid="a"\nkind="answered"\ntext="t"',
        'schema = "leaktrace.gate/1"\nnumbers = []\n[[condition]]\nid="a"\nkind="answered"\ntext="t"',
        'schema = "leaktrace.gate/1"\nnumbers = "none"\n[[condition]]\nid="a"\nkind="always"\ntext="t"',
        'schema = "leaktrace.gate/1"\nnumbers = "none"\n[[condition]]\nid="a"\nkind="count_at_least"\ntext="t"',
        'schema = "leaktrace.gate/1"\nnumbers = "none"\n[[condition]]\nid="a"\nkind="answered"\ntext=""',
    ],
)
def test_a_gate_without_conditions_is_no_gate(text: str) -> None:
    with pytest.raises(ResponseError):
        policy_from_text(text, "gate.toml")


# --- publishing -------------------------------------------------------------------------------------------


class Case:
    """One case with a frozen list, and its statement desk."""

    def __init__(self) -> None:
        self.diary = Diary(AT)
        self.people = TwoPeople(self.diary, lambda: AT)
        self.policy = builtin_policy()
        self.desk = StatementDesk(
            case="case-1",
            exposure=exposure(),
            events=lambda: self.diary.events("case-1"),
            diary=self.diary,
            approvals=self.people,
            read_exhibit=lambda exhibit: self.diary.exhibits[exhibit],
            policy=self.policy,
            wordings=WORDINGS,
            kind_of=field_kinds(),
            forbidden_for=lambda audience: forbidden_for(audience, builtin_laws()),
            lift_hold=self.lift,
            drafting_allowed=lambda: None,
        )

    def lift(self, gate: str, reason: str, request: str) -> None:
        """As `cases` does it: by an approval of exactly that."""
        self.people.use("case-1", request, "lift_hold", gate, {})
        self.diary.record("case-1", GateAnswered(gate, "open", reason))

    def open_gate(self) -> None:
        for gate in ("counsel", "police_hold", "investigation_finished"):
            self.desk.answer(gate, open_it=True, reason="yes")

    def agree(self, sha256: str) -> str:
        parameters = publication_parameters(sha256, self.policy)
        return self.people.agree("case-1", "publish_statement", sha256, parameters)


def test_two_people_an_open_gate_and_the_text_as_drafted() -> None:
    case = Case()
    state = case.desk.draft("Example Market", "privacy@example.com")
    assert not state.gate.met
    case.open_gate()
    with pytest.raises(ApprovalError):
        case.desk.publish("A-0001")
    done = case.desk.publish(case.agree(state.sha256))
    assert done.published
    assert done.draft == state.draft
    assert case.desk.state().published


def test_a_shut_gate_stops_two_people_too() -> None:
    case = Case()
    state = case.desk.draft("Example Market", "x")
    case.open_gate()
    request = case.agree(state.sha256)
    case.desk.answer("police_hold", open_it=False, reason="they asked to wait")
    with pytest.raises(ResponseError, match="they asked to wait"):
        case.desk.publish(request)
    lifting = case.people.agree("case-1", "lift_hold", "police_hold", {})
    case.desk.answer("police_hold", open_it=True, reason="they agreed", approval=lifting)
    assert case.desk.publish(request).published


def test_a_hold_that_nobody_foresaw_can_be_lifted_too() -> None:
    case = Case()
    case.desk.draft("Example Market", "x")
    case.desk.answer("weekend", open_it=False, reason="not now")
    lifting = case.people.agree("case-1", "lift_hold", "weekend", {})
    verdict = case.desk.answer("weekend", open_it=True, reason="it is Monday", approval=lifting)
    assert "weekend" not in {one.gate for one in verdict.conditions}
    with pytest.raises(ResponseError, match="Nobody holds counsel"):
        case.desk.answer("counsel", open_it=True, reason="yes", approval="A-1")


def test_facts_that_changed_since_the_draft_stop_it() -> None:
    case = Case()
    state = case.desk.draft("Example Market", "x")
    case.open_gate()
    request = case.agree(state.sha256)
    changed = replace(case.desk, exposure=exposure("cannot_be_said"))
    with pytest.raises(ResponseError, match="no longer"):
        changed.publish(request)
    content = case.diary.exhibits[state.exhibit]
    case.diary.exhibits[state.exhibit] = content.replace(b"unwanted", b"harmless")
    with pytest.raises(ResponseError, match="not the one"):
        case.desk.publish(request)


def test_an_approval_of_the_old_text_or_of_a_laxer_gate_is_none_of_this_one() -> None:
    case = Case()
    old = case.desk.draft("Example Market", "x")
    request = case.agree(old.sha256)
    case.desk.draft("Example Market", "y")
    case.open_gate()
    with pytest.raises(ApprovalError):
        case.desk.publish(request)
    lax = replace(case.policy, conditions=case.policy.conditions[1:])
    with pytest.raises(ApprovalError):
        replace(case.desk, policy=lax).publish(case.agree(case.desk.state().sha256))


def test_nothing_to_publish_and_nothing_to_open() -> None:
    case = Case()
    with pytest.raises(ResponseError, match="No statement"):
        case.desk.publish("A-0001")
    with pytest.raises(ResponseError, match="no condition"):
        case.desk.answer("affected_count", open_it=True, reason="pretend")
    with pytest.raises(ResponseError, match="with a reason"):
        case.desk.answer("counsel", open_it=True, reason=" ")
