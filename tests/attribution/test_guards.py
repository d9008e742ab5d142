"""The ways an innocent gets named, each with the attack that works without its guard (DESIGN 5)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaktrace.attribution import Study
from leaktrace.attribution.accomplices import accomplices_of
from leaktrace.attribution.likelihood import NOISE, Columns, Credibility, Doubt, log_likelihood_ratio
from leaktrace.attribution.suspects import dominant_shares
from leaktrace.attribution.view import view_at
from leaktrace.records import Grade
from tests.attribution.worlds import (
    AROUND,
    DAY,
    MAIL_AT,
    Market,
    background_market,
    judged,
    opened_by,
    study_of,
    unopened,
)


def naive_posterior(study: Study, principal: int) -> float:
    """The formula of DESIGN 5 without any guard: picks alike, independent causes, nobody has the same prior mass."""
    view = view_at(study)
    rows, neutral = view.rows(np.arange(len(study.principals)))
    rate = np.broadcast_to((study.opened_count / study.customer_count)[:, None], rows.shape)
    ratio = log_likelihood_ratio(
        Columns(rows, neutral, np.clip(rate, 1e-9, 0.97)),
        Credibility(np.full(view.size, 0.95), np.ones(view.size), np.zeros(len(NOISE))),
        Doubt.alike(len(rows), 1e-6),
    )
    masses = np.exp(ratio - ratio.max()) / len(rows)
    return float(masses[principal] / (masses.sum() + np.exp(-ratio.max())))


def test_a_plain_source_is_named() -> None:
    market = background_market()
    market.show("p07", range(300))
    reports = sorted({*opened_by(market, "p07", 24), *unopened(market, 10)})
    judgement = judged(market, study_of(market, reports))
    assert judgement.named == ("p07",)
    assert judgement.sets[0].principals == ("p07",)
    assert judgement.candidates[0].probability > 0.99


def test_nobody_is_found_in_reports_from_anybody() -> None:
    market = background_market()
    judgement = judged(market, study_of(market, unopened(market, 100)))
    assert judgement.verdict.outcome == "nobody"
    assert judgement.named == ()
    assert judgement.sets == ()


class TestSmallerColleague:
    """Guard 1: a source who was shown much passes on what a colleague with less was shown too."""

    def framed(self) -> tuple[Market, Study]:
        market = background_market()
        market.show("p03", range(1200))
        market.show("p04", range(1180, 1300))
        market.show("p04", range(60))
        return market, study_of(market, sorted(range(0, 60, 4)))

    def test_the_attack_works_without_the_guard(self) -> None:
        market, study = self.framed()
        assert naive_posterior(study, market.names.index("p04")) > 0.99

    def test_nobody_is_named_and_both_are_in_the_set(self) -> None:
        market, study = self.framed()
        judgement = judged(market, study)
        assert judgement.named == ()
        assert judgement.undecided is not None
        assert judgement.undecided.code == "indistinguishable"
        assert {"p03", "p04"} <= set(judgement.sets[0].principals)


class TestAccomplices:
    """Guard 1: two accounts pass on, half each, what a colleague of both had been shown too."""

    def market(self) -> Market:
        market = background_market()
        market.show("p07", range(400))
        market.show("p20", [*range(80), *range(1000, 1300)])
        market.show("p31", [*range(80, 160), *range(1300, 1600)])
        return market

    def test_the_attack_works_without_the_guard(self) -> None:
        market = self.market()
        assert naive_posterior(study_of(market, list(range(0, 160, 8))), market.names.index("p07")) > 0.99

    @pytest.mark.parametrize("step", [4, 8, 10])
    def test_the_colleague_is_not_named_and_all_three_are_in_the_set(self, step: int) -> None:
        market = self.market()
        judgement = judged(market, study_of(market, list(range(0, 160, step))))
        assert judgement.named == ()
        assert judgement.undecided is not None
        assert judgement.undecided.code == "indistinguishable"
        assert judgement.undecided.sentence.startswith("Two others between them")
        assert set(judgement.sets[0].principals) == {"p07", "p20", "p31"}

    def test_who_passes_on_what_nobody_shares_beyond_chance_is_named(self) -> None:
        market = self.market()
        judgement = judged(market, study_of(market, list(range(0, 400, 20))))
        assert judgement.named == ("p07",)

    def test_two_who_were_shown_most_of_the_customers_anyway_are_no_accomplices(self) -> None:
        """Of ten customers they miss one, but of the colleague's customers at large they miss no more."""
        market = background_market()
        market.show("p07", range(400))
        market.show("p20", [*(one for one in range(400) if one % 9 < 4), *range(1000, 1500)])
        market.show("p31", [*(one for one in range(400) if 4 <= one % 9 < 8), *range(1500, 2000)])
        judgement = judged(market, study_of(market, list(range(0, 400, 40))))
        (one,) = (one for one in judgement.late.weighed if one.principal == 7)
        assert not accomplices_of(judgement.late.view, one)


class TestForgedReports:
    """Guard 2: reports that anybody can write, about customers whom one principal served."""

    @pytest.mark.parametrize("count", [6, 20, 60])
    def test_the_attack_works_without_the_guard(self, count: int) -> None:
        market = background_market()
        market.show("p05", range(200))
        assert naive_posterior(study_of(market, list(range(count))), market.names.index("p05")) > 0.99

    @pytest.mark.parametrize("count", [3, 20, 60])
    @pytest.mark.parametrize("grade", ["G0", "G1"])
    def test_reports_of_low_grade_alone_name_nobody(self, count: int, grade: Grade) -> None:
        market = background_market()
        market.show("p05", range(200))
        judgement = judged(market, study_of(market, list(range(count)), grade=grade))
        assert judgement.named == ()
        assert judgement.undecided is not None
        assert judgement.undecided.code in {"weak_grade", "indistinguishable", "too_few_reports"}

    def test_one_good_report_among_weak_ones_is_not_enough(self) -> None:
        market = background_market()
        market.show("p05", range(200))
        study = study_of(market, list(range(20)), grade="G1", changes={0: {"grade": "G4"}})
        assert judged(market, study).named == ()

    def test_reporters_who_look_alike_count_once(self) -> None:
        market = background_market()
        market.show("p05", range(200))
        alike = {number: {"reporter": "one device"} for number in range(20)}
        judgement = judged(market, study_of(market, list(range(20)), changes=alike))
        assert judgement.named == ()
        apart = judged(market, study_of(market, list(range(20))))
        assert apart.named == ("p05",)

    def test_a_list_for_sale_is_one_report_however_long(self) -> None:
        """Whoever makes a list up makes up all of it; one report of somebody else's bears it out."""
        market = background_market()
        market.show("p05", range(200))
        listed = {number: {"kind": "listed"} for number in range(20)}
        alone = judged(market, study_of(market, list(range(20)), changes=listed))
        assert alone.named == ()
        assert alone.undecided is not None
        assert (alone.undecided.code, alone.undecided.needs_about_more_reports) == ("weak_grade", 1)
        assert [found.principals for found in alone.sets] == [("p05",)]
        assert judged(market, study_of(market, list(range(21)), changes=listed)).named == ("p05",)
        signed = {number: {"kind": "listed", "grade": "G3"} for number in range(20)}
        assert judged(market, study_of(market, list(range(20)), changes=signed)).named == ("p05",)


class TestOtherCauses:
    """Guard 3: a contact explains the mail; without a contacts table nothing can be said."""

    def test_contacts_explain_reports_away(self) -> None:
        market = background_market()
        market.show("p05", range(200))
        named = judged(market, study_of(market, list(range(20))))
        assert named.named == ("p05",)
        market.contact = set(range(20))
        judgement = judged(market, study_of(market, list(range(20))))
        assert judgement.named == ()
        assert judgement.verdict.outcome == "nobody"

    def test_whoever_answers_for_the_seller_is_not_named_for_mail_to_its_buyers(self) -> None:
        """Half of all customers are contacts, and of the reports; the agent of these and two ordinary hits beside."""
        market = background_market(size=12_000, each=480)
        market.show("p05", [*range(500), 11_000, 11_001])
        market.contact = {*range(500), *range(2000, 7500)}
        strangers = [one for one in unopened(market, 60) if one not in market.contact]
        reports = sorted([*range(8), 11_000, 11_001, *strangers[:8]])
        place = market.names.index("p05")
        judgement = judged(market, study_of(market, reports))
        assert judgement.named == ()
        assert judgement.late.own[place] < 0.9
        market.contact = set()
        assert judged(market, study_of(market, reports)).late.own[place] > 0.99

    def test_a_name_does_not_stand_on_a_decoy_whom_the_seller_may_know(self) -> None:
        market = background_market()
        market.teams = {}
        reports = sorted(unopened(market, 14))
        known = reports[:2]
        market.show("p05", known)
        decoys = {0: {"kind": "decoy"}, 1: {"kind": "decoy"}}
        assert judged(market, study_of(market, reports, changes=decoys)).named == ("p05",)
        market.contact = {*known, *range(0, market.size, 5)} - set(reports[2:])
        assert judged(market, study_of(market, reports, changes=decoys)).named == ()

    @staticmethod
    def own_buyers(reports: list[int], lacking: set[int]) -> Market:
        """p05 serves nine of ten of a seller's 300 buyers; of some of them the contacts are missing."""
        market = background_market()
        market.show("p05", [one for one in range(300) if one % 10])
        assert lacking <= set(reports)
        market.contact = set(range(300)) - lacking
        return market

    def test_buyers_whose_contacts_are_missing_are_like_the_others(self) -> None:
        reports = list(range(0, 300, 7))
        market = self.own_buyers(reports, set(reports[::3]))
        # The attack, or the accident: without the marked ones p05 is named for those whom nothing marks.
        unmarked = [one for one in reports if one not in market.contact]
        assert judged(market, study_of(market, unmarked)).named == ("p05",)
        judgement = judged(market, study_of(market, reports))
        assert judgement.named == ()
        assert judgement.late.own[5] < 0.9

    def test_a_few_of_the_sellers_buyers_do_not_hide_a_source_who_was_shown_half_of_them(self) -> None:
        """Most of the contacts table would have to be missing for the others to be its customers too."""
        market = background_market()
        market.show("p05", range(300))
        strangers = unopened(market, 3)
        reports = sorted({*range(0, 300, 7), *strangers})
        market.contact = {*strangers, *reports[:3]}
        assert judged(market, study_of(market, reports)).named == ("p05",)

    def test_a_leak_beside_the_sellers_own_buyers_is_still_named(self) -> None:
        buyers = list(range(0, 300, 14))
        market = self.own_buyers(buyers, set())
        market.show("p09", range(1000, 1200))
        reports = [*buyers, *range(1000, 1200, 10)]
        assert judged(market, study_of(market, reports)).named == ("p09",)

    def test_a_leak_that_holds_some_of_the_sellers_buyers_is_still_named(self) -> None:
        """p09 was shown few of 300 buyers, and twenty of these complain, beside as many other customers of p09."""
        market = background_market()
        market.contact = set(range(300))
        market.show("p09", [*range(20), *range(1000, 1180)])
        assert judged(market, study_of(market, [*range(20), *range(1000, 1180, 6)])).named == ("p09",)

    def test_a_forger_explains_no_more_than_the_source_where_buyers_explain_a_part(self) -> None:
        """p09 had been shown some of the buyers, too, whom the list of the seller's own explains in either case."""
        buyers = list(range(0, 300, 14))
        market = self.own_buyers(buyers, set())
        market.show("p09", [*buyers[:4], *range(1000, 1200)])
        judgement = judged(market, study_of(market, [*buyers, *range(1000, 1200, 10)]))
        assert judgement.named == ("p09",)
        assert judgement.late.forged < 1e-6

    @pytest.mark.parametrize(("grade", "reporter"), [("G1", None), ("G1", "one"), ("G2", "one")])
    def test_reports_made_up_beside_the_sellers_own_buyers_name_nobody(self, grade: str, reporter: str | None) -> None:
        buyers = list(range(0, 300, 14))
        market = self.own_buyers(buyers, set())
        market.show("p09", [*buyers[:4], *range(1000, 1200)])
        reports = [*buyers, *range(1000, 1200, 10)]
        made_up = {"grade": grade} | ({"reporter": reporter} if reporter else {})
        changes = {place: made_up for place, customer in enumerate(reports) if customer >= 1000}
        assert judged(market, study_of(market, reports)).named == ("p09",)
        assert judged(market, study_of(market, reports, changes=changes)).named == ()

    def test_without_contacts_nobody_is_named_or_cleared(self) -> None:
        market = background_market()
        market.show("p05", range(200))
        judgement = judged(market, study_of(market, list(range(20)), contacts_known=False))
        assert judgement.undecided is not None
        assert judgement.undecided.code == "no_contacts"

    def test_without_contacts_of_this_seller_nobody_is_named_but_may_be_cleared(self) -> None:
        market = background_market()
        market.show("p05", range(200))
        study = study_of(market, list(range(20)))
        assert judged(market, study).named == ("p05",)
        judgement = judged(market, replace(study, seller_dealt=False))
        assert judgement.named == ()
        assert judgement.undecided is not None
        assert judgement.undecided.code == "no_contacts"
        assert judged(market, replace(study, seller_dealt=False, seller_known=False)).named == ("p05",)
        nobody = replace(study_of(market, unopened(market, 100)), seller_dealt=False)
        assert judged(market, nobody).verdict.outcome == "nobody"

    def test_known_elsewhere_counts_like_a_contact(self) -> None:
        market = background_market()
        market.show("p05", range(200))
        known = {number: {"known_elsewhere": True} for number in range(20)}
        assert judged(market, study_of(market, list(range(20)), changes=known)).named == ()


class TestComplaintHandlers:
    """Guard 4: whoever opened the records after the mail, or after an earlier one that nobody reported."""

    def market(self) -> tuple[Market, list[int]]:
        market = background_market()
        market.show("p07", range(300))
        return market, sorted({*opened_by(market, "p07", 28), *unopened(market, 12)})

    def test_a_handler_after_the_mail_is_nothing(self) -> None:
        market, reports = self.market()
        market.show("p20", reports, MAIL_AT + DAY)
        judgement = judged(market, study_of(market, reports))
        assert judgement.named == ("p07",)
        assert all(c.opened_count == 0 or c.probability < 0.01 for c in judgement.candidates if c.principal == "p20")

    def test_a_handler_of_an_earlier_mail_would_be_named_by_the_first_cut_alone(self) -> None:
        market, reports = self.market()
        market.show("p20", reports, MAIL_AT - 5 * DAY)
        assert naive_posterior(study_of(market, reports), market.names.index("p20")) > 0.99

    def test_a_handler_of_an_earlier_mail_is_not_named(self) -> None:
        market, reports = self.market()
        market.show("p20", reports, MAIL_AT - 5 * DAY)
        study = study_of(market, reports)
        judgement = judged(market, study, replace(AROUND, complaint_handlers=frozenset({"p20"})))
        assert judgement.named == ("p07",)
        # Whoever passes on p07's customers may open them all in a few days, as a handler does.
        unknown = judged(market, study)
        assert (unknown.named, {"p07", "p20"} <= set(unknown.sets[0].principals)) == ((), True)
        assert unknown.undecided is not None
        assert "complaint_handlers" in unknown.undecided.sentence

    def test_who_opened_only_just_before_the_mail_is_in_a_set_at_most(self) -> None:
        market = background_market()
        reports = unopened(market, 20)
        market.show("p20", reports, MAIL_AT - 3 * DAY)
        judgement = judged(market, study_of(market, reports))
        assert judgement.named == ()
        assert judgement.undecided is not None
        assert judgement.undecided.code == "indistinguishable"
        assert "p20" in judgement.sets[0].principals

    def test_a_handler_does_not_hide_whom_the_early_cut_points_at(self) -> None:
        """Ten reports: the handler was shown all of them, the source five. Either cut may be the right one."""
        market = background_market()
        market.show("p07", range(300))
        reports = sorted({*range(0, 300, 60), *range(2995, 3000)})
        market.show("p20", reports, MAIL_AT - 3 * DAY)
        judgement = judged(market, study_of(market, reports))
        chances = {one.principal: one.probability for one in judgement.candidates}
        assert judgement.named == ()
        assert chances["p20"] == pytest.approx(0.5, abs=0.05)
        assert chances["p07"] == pytest.approx(float(judgement.early.person[7]) / 2.0, abs=0.01)
        assert chances["p07"] > 0.05
        # The set of the handler alone is no surer than the handler is.
        assert [found.principals for found in judgement.sets] == [("p20",)]
        assert judgement.sets[0].probability == pytest.approx(chances["p20"], abs=0.05)
        assert sum(judgement.source_count_probability) == pytest.approx(1.0, abs=0.01)

    def test_a_late_harvest_of_somebody_else_takes_nothing_from_a_name(self) -> None:
        market = background_market()
        market.show("p07", range(300))
        reports = sorted({*opened_by(market, "p07", 12), *unopened(market, 8)})
        market.show("p20", [one for one in reports if (one, "p07") not in market.opened], MAIL_AT - 5 * DAY)
        judgement = judged(market, study_of(market, reports))
        assert judgement.named == ("p07",)
        assert judgement.candidates[0].principal == "p07"
        assert judgement.candidates[0].probability >= AROUND.naming_threshold

    def test_what_was_opened_at_an_unsure_time_is_neither_for_nor_against(self) -> None:
        market, reports = self.market()
        unsure = {number: {"sure_at": MAIL_AT - 200 * DAY, "late_at": MAIL_AT} for number in range(len(reports))}
        study = study_of(market, reports, changes=unsure)
        seen = study_of(market, reports)
        view, sure = view_at(study), view_at(seen)
        assert len(view.neutral_case) + len(view.pair_case) == len(sure.pair_case)
        assert judged(market, study).named == ()


class TestTeams:
    """Guard 5: an unlogged export by a team mate makes the whole team look alike."""

    def test_a_colleague_with_most_of_the_queue_is_not_named_for_the_teams_leak(self) -> None:
        market = background_market()
        queue = list(range(400))
        market.show("p10", [c for c in queue if c % 20 < 17])
        market.show("p11", [c for c in queue if c % 20 >= 17])
        reports = queue[::20] + queue[10::40] + queue[18::40]
        judgement = judged(market, study_of(market, sorted(reports)))
        assert judgement.named == ()


class TestAloneInItsRegions:
    """Nine of a team serve one region, and one of them alone serves a few customers in all others."""

    def market(self, seed: int) -> Market:
        draw = np.random.default_rng(seed)
        market = background_market(seed, size=6000, people=60)
        market.region = {customer: 1 + customer % 6 for customer in range(market.size)}
        team = [f"p{index:02d}" for index in range(9)]
        market.teams |= dict.fromkeys(team, "large")
        market.opened = {key: at for key, at in market.opened.items() if key[1] not in team}
        home, away = ([c for c in market.region if (market.region[c] == 1) is at_home] for at_home in (True, False))
        for name in team:
            many = int(draw.integers(100, 180)) if name != "p00" else 30
            market.show(name, draw.choice(home, many, replace=False).tolist())
            market.show(name, draw.choice(away, 2, replace=False).tolist())
        market.show("p00", draw.choice(away, 120, replace=False).tolist())
        return market

    @pytest.mark.parametrize("seed", [2, 4, 6, 7, 8])
    def test_a_list_of_the_teams_customers_is_not_theirs(self, seed: int) -> None:
        """Of the team's customers in those regions they had been shown nearly all, of all its customers a fifth."""
        market = self.market(seed)
        draw = np.random.default_rng(seed)
        shown = sorted({customer for customer, name in market.opened if market.teams[name] == "large"})
        home, away = ([c for c in shown if (market.region[c] == 1) is at_home] for at_home in (True, False))
        reports = [*draw.choice(home, 34, replace=False).tolist(), *draw.choice(away, 26, replace=False).tolist()]
        judgement = judged(market, study_of(market, sorted(reports), region_known=True))
        assert judgement.named == ()
        assert judgement.undecided is not None
        assert judgement.undecided.code == "common_cause"

    @pytest.mark.parametrize("seed", [1, 4, 8])
    def test_their_own_leak_is(self, seed: int) -> None:
        market = self.market(seed)
        reports = sorted({*opened_by(market, "p00", 22, seed), *unopened(market, 8, seed)})
        assert judged(market, study_of(market, reports, region_known=True)).named == ("p00",)


class TestDominatedTeams:
    """Who was shown most of what a team of eight was shown, be it their leak or a list of the team's customers."""

    def market(self) -> Market:
        market = background_market()
        market.teams = {name: f"t{index // 8}" for index, name in enumerate(market.names)}
        market.show("p08", range(900))
        for place, mate in enumerate(("p09", "p10", "p11", "p12", "p13", "p14", "p15")):
            market.show(mate, range(900 + 40 * place, 940 + 40 * place))
        return market

    def test_their_leak_is_told_by_reports_that_the_team_never_saw(self) -> None:
        """A regional list beside the leak reaches customers of nobody: no list of the team would."""
        market = self.market()
        reports = sorted({*range(0, 900, 9), *range(1500, 2900, 40)})
        judgement = judged(market, study_of(market, reports))
        assert judgement.named == ("p08",)

    def test_a_list_of_the_team_is_not_their_leak(self) -> None:
        market = self.market()
        judgement = judged(market, study_of(market, list(range(0, 1180, 20))))
        assert judgement.named == ()
        assert judgement.verdict.outcome == "undecided"


class TestTwins:
    """Guard 7: the same queue; no number of reports helps."""

    def test_a_service_account_that_opens_a_part_can_frame_and_is_a_rival(self) -> None:
        market = background_market()
        market.show("p39", range(900))
        market.show("p04", range(880, 1000))
        market.show("p04", range(60))
        study = study_of(market, sorted(range(0, 60, 4)))
        served = [replace(f, kind="service" if f.name == "p39" else "employee") for f in study.principals]
        judgement = judged(market, replace(study, principals=tuple(served)))
        assert judgement.named == ()
        assert {"p39", "p04"} <= set(judgement.sets[0].principals)

    def test_a_fixed_job_that_opens_everything_is_no_colleague(self) -> None:
        market = background_market()
        market.show("p05", range(200))
        market.show("p39", range(market.size))
        study = study_of(market, list(range(20)))
        unknown = judged(market, study)
        assert unknown.named == ()
        assert unknown.undecided is not None
        assert "ingest the principals with their kinds" in unknown.undecided.sentence
        fixed = [replace(f, kind="service" if f.name == "p39" else "employee") for f in study.principals]
        assert judged(market, replace(study, principals=tuple(fixed))).named == ("p05",)

    def test_nor_is_one_that_opens_most_of_whom_anybody_opens(self) -> None:
        """Of 9,000 customers most never write; a chat bot was shown four in five of those who do, a third of all."""
        market = background_market(size=9000)
        market.show("p05", range(100))
        active = sorted({customer for customer, _ in market.opened})
        market.show("p39", [customer for customer in active if customer % 5])
        study = study_of(market, list(range(1, 100, 5)))
        people = [replace(facts, kind="employee") for facts in study.principals]
        assert judged(market, replace(study, principals=tuple(people))).named == ()
        people[39] = replace(people[39], kind="service")
        assert judged(market, replace(study, principals=tuple(people))).named == ("p05",)

    @pytest.mark.parametrize("count", [10, 40, 120])
    def test_twins_are_a_set_and_neither_is_named(self, count: int) -> None:
        market = background_market()
        market.show("p30", range(400))
        for (customer, who), at in list(market.opened.items()):
            if who == "p31":
                del market.opened[customer, who]
            elif who == "p30":
                market.opened[customer, "p31"] = at
        judgement = judged(market, study_of(market, list(range(count))))
        assert judgement.named == ()
        assert set(judgement.sets[0].principals) == {"p30", "p31"}
        assert judgement.undecided is not None
        assert judgement.undecided.code == "indistinguishable"
        assert judgement.undecided.needs_about_more_reports is None

    @pytest.mark.parametrize("weak", [0, 10, 20])
    def test_weak_reports_beside_good_ones_do_not_hide_twins(self, weak: int) -> None:
        """The good ones are no forgery about the twins, and so neither are the weak ones beside them."""
        market = background_market()
        market.teams = {name: f"t{index // 8}" for index, name in enumerate(market.names)}
        market.opened = {key: at for key, at in market.opened.items() if key[1] != "p31"}
        market.show("p30", range(1400))
        for (customer, who), at in list(market.opened.items()):
            if who == "p30":
                market.opened[customer, "p31"] = at
        reports = sorted({*range(0, 1400, 40), *range(2000, 2900, 180)})
        changes = {number: {"grade": "G1"} for number in range(0, 2 * weak, 2)}
        judgement = judged(market, study_of(market, reports, changes=changes))
        assert judgement.named == ()
        assert judgement.undecided is not None
        assert judgement.undecided.code == "indistinguishable"
        assert {"p30", "p31"} <= set(judgement.sets[0].principals)


class TestCoverage:
    """What the log cannot show may not be said."""

    def test_nobody_is_not_said_over_a_log_with_gaps(self) -> None:
        market = background_market()
        around = replace(AROUND, log_allows_nobody=False)
        judgement = judged(market, study_of(market, unopened(market, 100)), around)
        assert judgement.undecided is not None
        assert judgement.undecided.code == "log_incomplete"

    def test_somebody_who_read_everything_at_once_stands_between_anybody_and_a_name(self) -> None:
        market = background_market()
        market.show("p05", range(200))
        study = study_of(market, list(range(20)))
        assert judged(market, study).named == ("p05",)
        judgement = judged(market, study, replace(AROUND, bulk_readers=frozenset({"p30"})))
        assert judgement.named == ()
        assert judgement.undecided is not None
        assert judgement.undecided.code == "log_incomplete"
        own = judged(market, study, replace(AROUND, bulk_readers=frozenset({"p05"})))
        assert own.named == ("p05",)

    def test_an_empty_log_decides_nothing(self) -> None:
        market = Market(500, ["p00", "p01"])
        around = replace(AROUND, log_has_accesses=False)
        judgement = judged(market, study_of(market, list(range(10))), around)
        assert judgement.undecided is not None
        assert judgement.undecided.code == "log_incomplete"

    def test_no_report_is_no_evidence(self) -> None:
        market = background_market()
        judgement = judged(market, study_of(market, []))
        assert judgement.undecided is not None
        assert judgement.undecided.code == "too_few_reports"

    def test_reports_unlike_any_control_decide_nothing(self) -> None:
        market = background_market()
        market.show("p05", range(200))
        market.region = dict.fromkeys(range(20), 2)
        judgement = judged(market, study_of(market, list(range(20)), region_known=True))
        assert judgement.undecided is not None
        assert judgement.undecided.code == "no_match_for_controls"


class TestDecoys:
    """A hit is never innocent; silence speaks against."""

    def test_a_decoy_hit_outweighs_many_reports(self) -> None:
        market = background_market()
        market.show("p05", range(60))
        reports = [0, 1, 2, 3]
        without = judged(market, study_of(market, reports))
        decoys = {2: {"kind": "decoy"}, 3: {"kind": "decoy"}}
        hit = judged(market, study_of(market, reports, changes=decoys))
        assert hit.candidates[0].weight_bits > without.candidates[0].weight_bits + 5

    @pytest.mark.parametrize("grade", ["G1", "G2"])
    def test_nobody_makes_up_mail_to_decoys(self, grade: Grade) -> None:
        """Whoever writes to one knows an address that nobody was given: no forger's doing, whatever shows the mail."""
        market = background_market()
        market.show("p05", range(60))
        hits = {number: {"kind": "decoy"} for number in range(4)}
        judgement = judged(market, study_of(market, list(range(4)), grade=grade, changes=hits))
        assert judgement.named == ("p05",)
        assert judgement.late.forged == 0.0

    def test_silent_decoys_speak_against_whoever_was_shown_them(self) -> None:
        market = background_market()
        market.show("p05", range(60))
        reports = [*range(6), *range(30, 50)]
        silent = {number: {"kind": "decoy", "mailed": False} for number in range(6, 26)}
        loud = judged(market, study_of(market, list(range(6))))
        quiet = judged(market, study_of(market, reports, changes=silent))
        assert quiet.candidates[0].weight_bits < loud.candidates[0].weight_bits - 2


def test_who_sees_most_of_a_team_is_tried_against_a_list_of_that_team() -> None:
    """A share of the team's customers counts from a half on; not in a small team, nor without one."""
    shown = ({0, 1, 2, 3, 4, 5, 6, 7, 8}, {8, 9}, {0, 9}, {1}, {2}, {3}, {1, 2, 3}, {4, 5}, {5, 6, 7})
    shares = dominant_shares(
        np.array([1, 1, 1, 1, 1, 1, 0, 2, 2]),
        np.array([len(customers) for customers in shown], dtype=np.float64),
        np.array([customer for customers in shown for customer in sorted(customers)]),
        np.repeat(np.arange(len(shown)), [len(customers) for customers in shown]),
    )
    assert shares.tolist() == [0.9, *[0.0] * 8]


class TestListsOfWhomSupportServed:
    """A list of customers whose records were opened at all names nobody who opens a good part of them."""

    @staticmethod
    def market(seed: int) -> Market:
        """Six people, of whom one does two fifths of the work, and 100 of 3,000 customers whom they ever served."""
        market = Market(3000, [f"p{n:02}" for n in range(6)])
        rng = np.random.default_rng(seed)
        for customer in rng.choice(3000, 100, replace=False).tolist():
            for _ in range(1 + int(rng.random() < 0.25)):
                market.show("p00" if rng.random() < 0.4 else f"p{rng.integers(1, 6):02}", [customer])
        return market

    def test_nobody_is_named_for_one(self) -> None:
        tempting = 0
        for seed in range(8):
            market = self.market(seed)
            served = sorted({customer for customer, _ in market.opened})
            for count in (12, 25, 40):
                reports = np.random.default_rng(seed).choice(served, count, replace=False).tolist()
                judgement = judged(market, study_of(market, sorted(reports), region_known=True))
                assert judgement.named == (), (seed, count)
                # Six people: so much for one of them would name them, were there no column of all.
                tempting += judgement.late.log_ratio.max() > np.log(6.0 * 100.0)
        assert tempting >= 6

    def test_whoever_passes_on_what_they_opened_is_named_all_the_same(self) -> None:
        market = self.market(1)
        own = sorted(customer for customer, name in market.opened if name == "p00")
        assert judged(market, study_of(market, own[:25], region_known=True)).named == ("p00",)


def test_nobody_is_named_while_much_of_the_log_is_unread() -> None:
    market = background_market()
    market.show("p05", range(200))
    study = study_of(market, list(range(0, 200, 10)))
    assert judged(market, study).named == ("p05",)
    judgement = judged(market, study, replace(AROUND, rows_unread=True))
    assert judgement.named == ()
    assert judgement.undecided is not None
    assert judgement.undecided.code == "log_incomplete"
