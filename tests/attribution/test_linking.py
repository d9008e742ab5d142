"""Are two incidents one? Known answers of each term, what no input may break, and marketplaces with a known truth."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from bench.linking import in_both
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.attribution import (
    LINK_PRIOR,
    InBoth,
    Judgement,
    Overlap,
    SellerClaim,
    Suspicion,
    customers_term,
    linked,
    seller_term,
    sender_term,
    sources_term,
)
from leaktrace.attribution import linking as model
from leaktrace.records import LinkTerm
from tests.attribution.worlds import Market, background_market, judged, opened_by, study_of, unopened

PRIOR = 0.5
MANY = 100
WORLDS = 10


def suspicion(nobody: float, *suspects: int, usable: bool = True) -> Suspicion:
    """One of a hundred principals; the chance of a source inside is shared alike by the suspects."""
    chance = np.zeros(MANY)
    chance[list(suspects)] = (1.0 - nobody) / max(len(suspects), 1)
    return Suspicion(np.arange(MANY, dtype=np.uint64), chance, nobody, usable=usable)


def unknown() -> Suspicion:
    return Suspicion(np.arange(MANY, dtype=np.uint64), np.full(MANY, 0.5 / MANY), 0.5)


def sources(one: Suspicion, other: Suspicion, both: InBoth | None = None) -> LinkTerm:
    """What the sources say; without `both`, of findings that name the same principal."""
    return sources_term(one, other, both or InBoth(("u7",), 1), prior=PRIOR)


def overlap(shared: int, *, counts: tuple[int, int] = (40, 25), expected: float = 0.2) -> Overlap:
    return Overlap(counts, shared, expected, 1.5, 2, 1.0)


# --- sources ----------------------------------------------------------------------------------------------


class TestSources:
    """Same person: as rare as there are people. Twins: half. Nobody: silent."""

    def test_the_same_source_is_as_telling_as_there_are_people_to_choose_from(self) -> None:
        assert sources(suspicion(0.0, 7), suspicion(0.0, 7)).bits == pytest.approx(math.log2(0.95 * MANY + 0.05))

    def test_twins_share_their_part(self) -> None:
        assert sources(suspicion(0.0, 7, 8), suspicion(0.0, 7, 8)).bits == pytest.approx(
            math.log2(0.95 * MANY / 2 + 0.05)
        )

    def test_one_of_two_sources_is_still_a_sign(self) -> None:
        assert sources(suspicion(0.0, 7, 8), suspicion(0.0, 8)).bits == pytest.approx(math.log2(0.95 * MANY / 2 + 0.05))

    def test_different_sources_speak_against_but_not_without_end(self) -> None:
        assert sources(suspicion(0.0, 7), suspicion(0.0, 8)).bits == pytest.approx(math.log2(0.05))

    def test_two_campaigns_without_a_source_inside_say_nothing(self) -> None:
        assert sources(suspicion(1.0), suspicion(1.0)).bits == 0.0

    def test_where_nothing_is_known_nothing_is_said(self) -> None:
        assert sources(unknown(), unknown()).bits == pytest.approx(0.0)
        assert sources(unknown(), suspicion(0.0, 7)).bits == pytest.approx(0.0)
        assert sources(unknown(), suspicion(1.0)).bits == pytest.approx(0.0)

    def test_a_source_in_one_and_surely_none_in_the_other_speaks_against(self) -> None:
        assert sources(suspicion(0.0, 7), suspicion(1.0)).bits == pytest.approx(math.log2(0.25))

    def test_a_finding_that_stands_on_too_little_says_nothing(self) -> None:
        assert sources(suspicion(0.0, 7), suspicion(0.0, 7, usable=False)).bits == 0.0
        assert sources(suspicion(0.0, 7), Suspicion.none()).bits == 0.0

    def test_people_are_matched_by_who_they_are_and_not_by_their_place(self) -> None:
        one = Suspicion(np.array([3, 9], dtype=np.uint64), np.array([0.0, 1.0]), 0.0)
        other = Suspicion(np.array([9, 12], dtype=np.uint64), np.array([1.0, 0.0]), 0.0)
        assert sources(one, other).figures["same_source_factor"] == pytest.approx(3.0)

    def test_nobody_is_told_but_whom_both_findings_name(self) -> None:
        same = suspicion(0.0, 7)
        assert sources(same, same, InBoth(suspected_count=0)).shared == ()
        told = sources(same, same, InBoth(suspected_count=2))
        assert told.shared == ()
        assert "2 principals are suspected in both" in told.sentence
        named = sources(same, same, InBoth(("u1",), 1))
        assert named.shared == ("u1",)
        assert "u1" in named.sentence

    def test_where_the_findings_suspect_nobody_in_common_the_sources_say_less(self) -> None:
        same = suspicion(0.0, 7)
        assert sources(same, same, InBoth(suspected_count=1)).bits == sources(same, same).bits
        assert sources(same, same, InBoth()).bits == model.UNSUSPECTED_MOST_BITS
        assert sources(same, same, InBoth()).capped

    def test_what_was_left_out_is_said(self) -> None:
        assert "3 reports of the later one are left out" in sources(unknown(), unknown(), InBoth((), 0, 3)).sentence


# --- seller, sender, customers ----------------------------------------------------------------------------


class TestSeller:
    def test_the_same_seller_is_the_more_telling_the_rarer_he_is(self) -> None:
        known = SellerClaim("s1", 1.0)
        alone = seller_term(known, known, [])
        rare = seller_term(known, known, ["s2"] * 20)
        common = seller_term(known, known, ["s1"] * 20)
        assert alone.bits == pytest.approx(math.log2(0.75 / 0.1))
        assert rare.bits == pytest.approx(math.log2(0.75 / (1 / 30)))
        assert common.bits == pytest.approx(math.log2(0.75 / 0.7))
        assert alone.shared == ("s1",)

    def test_different_sellers_speak_a_little_against(self) -> None:
        term = seller_term(SellerClaim("s1", 1.0), SellerClaim("s2", 1.0), [])
        assert term.bits == pytest.approx(math.log2(0.25 / 0.9))

    def test_who_the_seller_is_must_be_known(self) -> None:
        assert seller_term(SellerClaim("s1", 1.0), SellerClaim(None, 0.0), []).bits == 0.0
        guessed = seller_term(SellerClaim("s1", 0.5), SellerClaim("s1", 0.5), [])
        assert guessed.bits == pytest.approx(math.log2(0.75 + 0.25 * 7.5))


class TestSender:
    def sent(self, one: set[str], other: set[str], seen: dict[str, int] | None = None, count: int = 0) -> LinkTerm:
        return sender_term(frozenset(one), frozenset(other), seen or {}, count, tell=frozenset(one))

    def test_a_shared_domain_that_no_other_campaign_shows(self) -> None:
        term = self.sent({"a.example", "b.example"}, {"a.example"}, {}, 30)
        assert term.bits == pytest.approx(math.log2(0.4 / (0.5 / 40)))
        assert term.shared == ("a.example",)

    def test_a_domain_that_many_show_says_nothing(self) -> None:
        assert self.sent({"a.example"}, {"a.example"}, {"a.example": 20}, 30).bits == 0.0

    def test_further_domains_count_half(self) -> None:
        first = math.log2(0.4 / 0.05)
        assert self.sent({"a.example", "b.example"}, {"a.example", "b.example"}).bits == pytest.approx(1.5 * first)

    def test_none_shared_speaks_a_little_against_and_none_shown_says_nothing(self) -> None:
        assert self.sent({"a.example"}, {"b.example"}).bits == pytest.approx(math.log2(0.6))
        assert self.sent({"a.example"}, set()).bits == 0.0

    @given(
        shown=st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(0, 30), max_size=6),
        further=st.integers(0, 30),
    )
    def test_one_more_shared_domain_never_lowers(self, shown: dict[str, int], further: int) -> None:
        less = set(shown)
        more = {*shown, "rare.example"}
        seen = {**shown, "rare.example": further}
        own = {"x.example"}, {"y.example"}
        before = self.sent(less | own[0], less | own[1], seen, 30)
        assert self.sent(more | own[0], more | own[1], seen, 30).bits >= before.bits - 1e-12


class TestCustomers:
    def test_many_more_than_chance_speak_for_and_are_capped(self) -> None:
        assert customers_term(overlap(3)).bits > 1.0
        assert customers_term(overlap(20)).bits == model.CUSTOMERS_MOST_BITS
        assert customers_term(overlap(20)).capped

    def test_none_shared_never_says_more_than_one_bit_against(self) -> None:
        assert -1.0 <= customers_term(overlap(0, expected=5.0)).bits < 0.0
        assert customers_term(overlap(0, expected=1e-9)).bits > -1.0

    def test_where_complainers_complain_of_everything_shared_ones_are_no_sign(self) -> None:
        seldom = replace(overlap(4), other_shared_count=0, other_expected_count=10.0)
        often = replace(overlap(4), other_shared_count=200, other_expected_count=10.0)
        assert customers_term(seldom).bits > 2.0
        assert customers_term(often).bits < 0.5

    def test_nothing_to_compare_says_nothing(self) -> None:
        assert customers_term(overlap(0, counts=(0, 30))).bits == 0.0
        assert customers_term(overlap(0, expected=0.0)).bits == 0.0

    def test_the_same_reports_told_twice_are_asked_after(self) -> None:
        assert "told twice" in customers_term(overlap(24)).sentence
        assert "told twice" not in customers_term(overlap(10)).sentence


# --- all together -----------------------------------------------------------------------------------------


def term(name: str, bits: float) -> LinkTerm:
    return LinkTerm(name, bits, "Because.")  # type: ignore[arg-type]


NAMES = ("sources", "seller", "sender", "customers")


def added(*bits: float) -> model.Linked:
    return linked(*(term(name, one) for name, one in zip(NAMES, bits, strict=True)))


def test_no_information_leaves_the_prior() -> None:
    answer = added(0.0, 0.0, 0.0, 0.0)
    assert answer.probability == LINK_PRIOR
    assert answer.outcome == "undetermined"
    assert "cannot be told" in answer.sentence


def test_bits_add_up_to_odds() -> None:
    answer = added(5.0, 1.0, -1.0, 0.5)
    assert answer.probability / (1.0 - answer.probability) == pytest.approx(LINK_PRIOR / (1.0 - LINK_PRIOR) * 2.0**5.5)


def test_seller_and_domains_are_capped_together() -> None:
    answer = added(0.0, 5.0, 6.0, 0.0)
    assert [one.bits for one in answer.terms] == [0.0, 5.0, 2.0, 0.0]
    assert answer.terms[2].capped
    against = added(0.0, -1.9, 6.0, 0.0)
    assert against.terms[2].bits == 6.0


@given(st.lists(st.floats(-300.0, 300.0), min_size=4, max_size=4))
def test_nothing_is_certain(bits: list[float]) -> None:
    answer = added(*bits)
    assert 0.001 <= answer.probability <= 0.999
    assert answer.sentence


@pytest.mark.parametrize(
    ("bits", "outcome"), [(8.0, "one"), (4.0, "undetermined"), (0.5, "undetermined"), (-5.0, "two")]
)
def test_the_answer_is_given_only_where_the_terms_carry_it(bits: float, outcome: str) -> None:
    assert added(bits, 0.0, 0.0, 0.0).outcome == outcome


# --- what no input may break --------------------------------------------------------------------------------

chances = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8)


@st.composite
def suspicions(draw: st.DrawFn) -> Suspicion:
    weights = np.array(draw(chances))
    nobody = draw(st.floats(0.0, 1.0))
    total = float(weights.sum())
    keys = np.array(sorted(draw(st.sets(st.integers(0, 12), min_size=len(weights), max_size=len(weights)))), np.uint64)
    return Suspicion(keys, weights / total * (1.0 - nobody) if total > 0.0 else weights, nobody)


claims = st.builds(SellerClaim, st.none() | st.sampled_from(["s1", "s2"]), st.floats(0.0, 1.0))
hosts = st.frozensets(st.sampled_from(["a.example", "b.example", "c.example", "mailbox:00ff"]))
counts = st.integers(0, 60)


@given(one=suspicions(), other=suspicions(), names=st.permutations(range(13)))
def test_sources_are_symmetric_and_bounded_and_ids_are_only_names(
    one: Suspicion, other: Suspicion, names: list[int]
) -> None:
    found = sources(one, other)
    assert sources(other, one) == found
    assert math.log2(0.05 * 0.25) <= found.bits <= model.SOURCES_MOST_BITS

    def renamed(suspicion: Suspicion) -> Suspicion:
        keys = np.array([names[int(key)] for key in suspicion.principals], dtype=np.uint64)
        order = np.argsort(keys)
        return replace(suspicion, principals=keys[order], chance=suspicion.chance[order])

    assert sources(renamed(one), renamed(other)).bits == pytest.approx(found.bits, abs=1e-9)


@given(one=claims, other=claims, others=st.lists(st.sampled_from(["s1", "s2", "s3"])))
def test_sellers_are_symmetric_and_bounded(one: SellerClaim, other: SellerClaim, others: list[str]) -> None:
    found = seller_term(one, other, others)
    assert seller_term(other, one, others[::-1]) == found
    assert -2.0 <= found.bits <= model.SELLER_MOST_BITS


@given(one=hosts, other=hosts, seen=st.dictionaries(st.sampled_from(["a.example", "b.example"]), st.integers(0, 20)))
def test_senders_are_symmetric_and_bounded(one: frozenset[str], other: frozenset[str], seen: dict[str, int]) -> None:
    found = sender_term(one, other, seen, 20, tell=one & other)
    assert sender_term(other, one, seen, 20, tell=one & other) == found
    assert -1.0 <= found.bits <= model.SENDER_MOST_BITS


@given(
    sizes=st.tuples(counts, counts), shared=counts, expected=st.floats(0.0, 80.0), pairs=counts, busy=st.floats(1, 9)
)
def test_customers_are_symmetric_and_bounded(
    sizes: tuple[int, int], shared: int, expected: float, pairs: int, busy: float
) -> None:
    given_ = Overlap(sizes, min(shared, *sizes), expected, busy, pairs, 3.0)
    found = customers_term(given_)
    assert customers_term(replace(given_, counts=sizes[::-1])) == found
    assert -1.0 - 1e-9 <= found.bits <= model.CUSTOMERS_MOST_BITS


# --- against a known truth ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two campaigns of one marketplace: who was the source of either, if anybody."""

    kind: str
    probability: float
    bits: float


def suspicion_of(judgement: Judgement, market: Market) -> Suspicion:
    return Suspicion(
        np.arange(len(market.names), dtype=np.uint64), judgement.late.person, judgement.no_insider_probability
    )


def reports_of(market: Market, source: str | None, count: int, seed: int) -> list[int]:
    """Mostly a source's customers, a quarter from a list of the sender's own."""
    noise = unopened(market, count // 4 if source else count, seed)
    return sorted({*noise, *(opened_by(market, source, count - len(noise), seed) if source else ())})


def pairs_of(worlds: range, count: int) -> list[Pair]:
    """Of each world a pair with the same source, one with different ones, one without any, one with a source in one."""
    found = []
    for seed in worlds:
        market = background_market(seed)
        first, second = (market.names[index] for index in np.random.default_rng(seed).choice(40, 2, replace=False))
        plan = {
            "same": (first, first),
            "different": (first, second),
            "none": (None, None),
            "one inside": (first, None),
        }
        for kind, whose in plan.items():
            reports = [reports_of(market, who, count, 2 * seed + place) for place, who in enumerate(whose)]
            reports[1] = [customer for customer in reports[1] if customer not in set(reports[0])]
            judgements = [judged(market, study_of(market, one)) for one in reports]
            looks = [suspicion_of(one, market) for one in judgements]
            told = sources_term(looks[0], looks[1], in_both(judgements[0], judgements[1]), prior=PRIOR)
            answer = linked(told, term("seller", 0.0), term("sender", 0.0), term("customers", 0.0))
            found.append(Pair(kind, answer.probability, told.bits))
    return found


@pytest.fixture(scope="module")
def measured() -> list[Pair]:
    return pairs_of(range(WORLDS), 16)


def of(measured: list[Pair], kind: str) -> list[Pair]:
    return [one for one in measured if one.kind == kind]


class TestKnownTruth:
    """Ten marketplaces of forty people, four pairs of campaigns of sixteen reports in each; sources' term alone."""

    def test_the_same_source_is_likelier_one_incident_than_any_other_pair(self, measured: list[Pair]) -> None:
        means = {kind: np.mean([one.probability for one in group]) for kind, group in by_kind(measured).items()}
        assert means["same"] > 0.5
        assert means["same"] > 5.0 * max(means["different"], means["none"], means["one inside"])
        assert means["different"] < LINK_PRIOR
        assert means["none"] < 2.0 * LINK_PRIOR

    def test_most_pairs_fall_on_their_side(self, measured: list[Pair]) -> None:
        same, different = of(measured, "same"), of(measured, "different")
        assert sum(one.probability > 0.5 for one in same) >= 0.8 * WORLDS
        assert sum(one.probability < 0.5 for one in different) == WORLDS
        assert all(one.probability < 0.5 for one in of(measured, "none"))

    def test_bits_are_about_what_they_say(self, measured: list[Pair]) -> None:
        """The mean Bayes factor over pairs that are not one is not above one, but for chance (Turing)."""
        factors = [2.0**one.bits for one in of(measured, "different") + of(measured, "none")]
        assert np.mean(factors) < 1.5


def by_kind(measured: list[Pair]) -> dict[str, list[Pair]]:
    ordered = sorted(measured, key=lambda one: one.kind)
    return {kind: list(group) for kind, group in itertools.groupby(ordered, key=lambda one: one.kind)}
