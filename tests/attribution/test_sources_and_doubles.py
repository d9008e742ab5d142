"""Several sources, and colleagues who were shown the very same: nobody is cleared over them, none goes by its name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaktrace.attribution import Channels, Study
from leaktrace.attribution.covering import few_covering
from leaktrace.attribution.ranking import with_level
from leaktrace.attribution.spread import FLOOR, spread_of
from leaktrace.attribution.view import view_at
from tests.attribution.worlds import DAY, MAIL_AT, Market, background_market, judged, opened_by, study_of, unopened


def queues(count: int, members: int) -> Market:
    """So many queues of 400 customers each, all of whom each of their members was shown; 60 people in all."""
    market = background_market(size=6000, people=60)
    who = {queue: [f"p{10 * queue + number:02d}" for number in range(members)] for queue in range(count)}
    everybody = {name for names in who.values() for name in names}
    market.opened = {key: at for key, at in market.opened.items() if key[1] not in everybody}
    for queue, names in who.items():
        for name in names:
            market.show(name, range(1000 * queue, 1000 * queue + 400))
            market.teams[name] = f"q{queue}"
    return market


def reports(queue_count: int, each: int) -> list[int]:
    """So many reports of each queue's customers."""
    return [1000 * queue + number for queue in range(queue_count) for number in range(0, 400, 400 // each)]


class TestSources:
    def test_three_sources_are_named_however_many_report(self) -> None:
        """With 40 reports each, every one of them alone looks like a list of just that one's customers."""
        market = queues(3, 1)
        judgement = judged(market, study_of(market, reports(3, 40)))
        assert set(judgement.named) == {"p00", "p10", "p20"}

    @pytest.mark.parametrize("each", [10, 20, 40])
    def test_two_queues_of_doubles_are_two_sets(self, each: int) -> None:
        market = queues(2, 2)
        judgement = judged(market, study_of(market, sorted({*reports(2, each), *unopened(market, 10)})))
        assert judgement.named == ()
        assert {frozenset(one.principals) for one in judgement.sets} == {
            frozenset({"p00", "p01"}),
            frozenset({"p10", "p11"}),
        }

    @pytest.mark.parametrize("members", [2, 3, 4])
    @pytest.mark.parametrize("each", [10, 40])
    def test_nobody_is_not_said_over_few_who_were_shown_everything(self, members: int, each: int) -> None:
        market = queues(3, members)
        judgement = judged(market, study_of(market, sorted({*reports(3, each), *unopened(market, 10)})))
        assert judgement.verdict.outcome == "undecided"
        assert judgement.named == ()

    def test_few_cover_only_what_no_other_path_explains(self) -> None:
        market = queues(3, 2)
        shown = study_of(market, reports(3, 10))
        assert len(few_covering(view_at(shown))) == 3
        market.contact = set(reports(3, 10)[:30])
        assert few_covering(view_at(study_of(market, [*reports(3, 10), *unopened(market, 20)]))) == ()

    def test_who_opens_most_covers_by_chance(self) -> None:
        market = background_market(people=40, each=120)
        for name in ("p00", "p10", "p20"):
            market.show(name, range(0, market.size, 2) if name == "p00" else range(1, market.size, 2))
        assert few_covering(view_at(study_of(market, unopened(market, 30)))) == ()

    def test_silent_decoys_count_where_a_second_source_is_weighed_alone(self) -> None:
        def named(decoys: int) -> tuple[str, ...]:
            market = background_market()
            market.opened = {key: at for key, at in market.opened.items() if key[1] not in ("p00", "p20")}
            market.teams = {}
            market.show("p00", range(400))
            market.show("p20", [*range(1000, 1400), *range(2700, 2700 + decoys)])
            mailed = [*range(0, 400, 20), *range(1000, 1400, 20)]
            silent = {len(mailed) + number: {"kind": "decoy", "mailed": False} for number in range(decoys)}
            return judged(market, study_of(market, [*mailed, *range(2700, 2700 + decoys)], changes=silent)).named

        assert set(named(0)) == {"p00", "p20"}
        assert named(60) == ("p00",)

    def test_what_is_said_of_nobody_fits_the_names(self) -> None:
        """A second source harvested in the last days: the first is certain at either cut, and so is somebody inside."""
        market = background_market()
        market.opened = {key: at for key, at in market.opened.items() if key[1] != "p21"}
        market.show("p07", range(400))
        market.show("p21", range(1000, 1400), MAIL_AT - 5 * DAY)
        judgement = judged(market, study_of(market, sorted({*range(0, 400, 13), *range(1000, 1400, 13)})))
        assert judgement.named == ("p07",)
        assert judgement.no_insider_probability < 0.01
        assert sum(judgement.source_count_probability) == pytest.approx(1.0)

    @pytest.mark.parametrize("seed", range(12))
    def test_whoever_is_named_alone_is_in_no_set_with_strangers(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        people = int(rng.choice([3, 5, 8, 15, 40]))
        market = background_market(seed, people=people)
        source = f"p{int(rng.integers(people)):02d}"
        market.show(source, range(300))
        told = sorted({*opened_by(market, source, 24, seed), *unopened(market, int(rng.choice([0, 4, 10])))})
        judgement = judged(market, study_of(market, told))
        for one in judgement.sets:
            assert not set(one.principals) & set(judgement.named) or len(one.principals) == 1


class TestDoubles:
    def test_none_of_five_doubles_goes_by_its_name(self) -> None:
        def chances(swapped: dict[str, str]) -> dict[str, float]:
            market = background_market(size=3000, people=40)
            doubles = [f"p1{number}" for number in range(5)]
            market.opened = {key: at for key, at in market.opened.items() if key[1] not in ("p00", *doubles)}
            market.teams = {}
            market.show("p00", range(400))
            for name in doubles:
                market.show(name, range(1000, 1400))
            market.opened = {(one, swapped.get(who, who)): at for (one, who), at in market.opened.items()}
            judgement = judged(market, study_of(market, [*range(0, 400, 20), *range(1000, 1400, 20)]))
            return {one.principal: one.probability for one in judgement.candidates if one.principal in doubles}

        found = chances({})
        assert len(found) == 5
        assert max(found.values()) - min(found.values()) < 1e-6
        assert chances({"p10": "p14", "p14": "p10"}) == pytest.approx(found)

    def test_level_with_the_last_stays_up_to_twice_as_many(self) -> None:
        values = np.array([5.0, 4.0, 3.0, 3.0, 3.0, 1.0])
        order = np.arange(6)
        assert with_level(order, values, 3).tolist() == [0, 1, 2, 3, 4]
        assert with_level(order, values, 1).tolist() == [0]
        assert with_level(order, np.zeros(6), 2).tolist() == [0, 1, 2, 3]
        assert with_level(order, values, 9).tolist() == order.tolist()

    def test_sources_and_their_doubles_are_no_fault_of_the_rates(self) -> None:
        rng = np.random.default_rng(3)
        expected = rng.uniform(1.0, 6.0, 24)
        counts = rng.poisson(expected).astype(np.float64)
        alike = np.eye(24, dtype=np.bool_)
        alike[:2, :2] = alike[2:4, 2:4] = alike[4:6, 4:6] = True
        counts[:6] = 40.0
        assert spread_of(counts, expected, alike) < FLOOR + 0.15
        assert spread_of(counts, expected) > 0.5, "six who are no doubles of each other are a fault of the rates"


class TestSpecialists:
    """Whose work is one seller's customers: a list of these, bought from that seller, points at nobody else."""

    def mailed(self) -> tuple[Market, list[int], set[int]]:
        market = background_market(size=6000, people=60)
        market.opened = {key: at for key, at in market.opened.items() if key[1] != "p05"}
        buyers = set(range(600))
        rng = np.random.default_rng(11)
        market.show("p05", rng.choice(600, 400, replace=False))
        return market, sorted(rng.choice(600, 30, replace=False).tolist()), buyers

    def with_dealings(self, study: Study, reported: list[int], size: int, buyers: set[int]) -> Study:
        controls = [one for one in range(size) if one not in set(reported)]
        case, control = (
            np.array([place for place, one in enumerate(part) if one in buyers], dtype=np.int64)
            for part in (reported, controls)
        )
        at = MAIL_AT - 200 * DAY
        return replace(
            study,
            channels=Channels(
                ("seller s7",), case, case * 0, np.full(len(case), at), control, control * 0, np.full(len(control), at)
            ),
        )

    def test_without_the_contacts_of_that_seller_the_specialist_would_be_named(self) -> None:
        market, reported, _ = self.mailed()
        assert judged(market, study_of(market, reported)).named == ("p05",)

    def test_with_them_nobody_is(self) -> None:
        market, reported, buyers = self.mailed()
        judgement = judged(market, self.with_dealings(study_of(market, reported), reported, market.size, buyers))
        assert judgement.named == ()
        assert judgement.undecided is not None
        assert judgement.undecided.code == "common_cause"
        assert "seller s7" in judgement.undecided.sentence

    def test_a_specialist_who_is_the_source_is_still_named(self) -> None:
        """All reports are of whom the specialist was shown: of the seller's other customers, a third, there is none."""
        market, _, buyers = self.mailed()
        reported = opened_by(market, "p05", 30)
        study = self.with_dealings(study_of(market, reported), reported, market.size, buyers)
        assert judged(market, study).named == ("p05",)


class TestBesideAList:
    """A sender's list that leans to one team, and persons who passed on: each explains a part of the mail."""

    def market(self, seed: int) -> Market:
        """Two queues of 500 customers and 8 people, each of whom was shown 200 of the queue's; 44 others."""
        market = background_market(size=6000, people=60)
        rng = np.random.default_rng(seed)
        queues = {0: [f"p{number:02d}" for number in range(8)], 2000: [f"p{number:02d}" for number in range(20, 28)]}
        everybody = {name for names in queues.values() for name in names}
        market.opened = {key: at for key, at in market.opened.items() if key[1] not in everybody}
        market.teams = {name: f"queue {first}" for first, names in queues.items() for name in names}
        for first, names in queues.items():
            for name in names:
                market.show(name, first + rng.choice(500, 200, replace=False))
        return market

    def mailed(self, market: Market, seed: int, listed: int, leaked: dict[str, int]) -> list[int]:
        """So many of the first queue's customers by a list, and of each source's by a leak."""
        rng = np.random.default_rng([seed, 1])
        told = set(rng.choice(500, listed, replace=False).tolist())
        for name, count in leaked.items():
            own = sorted(customer for customer, who in market.opened if who == name)
            told |= set(rng.choice(own, count, replace=False).tolist())
        return sorted(told)

    @pytest.mark.parametrize("seed", range(4))
    def test_a_list_of_one_queue_hides_no_source_of_another(self, seed: int) -> None:
        """Before, the list took everything: nobody inside, at 0.75."""
        market = self.market(seed)
        judgement = judged(market, study_of(market, self.mailed(market, seed, 20, {"p00": 24, "p20": 16})))
        assert "p20" in {name for one in judgement.sets for name in one.principals}
        assert judgement.no_insider_probability < 0.3
        assert set(judgement.named) <= {"p00", "p20"}

    def test_nor_one_of_that_queue(self) -> None:
        market = self.market(2)
        judgement = judged(market, study_of(market, self.mailed(market, 2, 10, {"p00": 30, "p20": 20})))
        assert {frozenset(one.principals) for one in judgement.sets} == {frozenset({"p00"}), frozenset({"p20"})}

    @pytest.mark.parametrize("listed", [16, 40, 80])
    @pytest.mark.parametrize("seed", range(4))
    def test_the_list_alone_points_at_nobody(self, seed: int, listed: int) -> None:
        market = self.market(seed)
        judgement = judged(market, study_of(market, self.mailed(market, seed, listed, {})))
        assert judgement.named == ()
        assert max(one.probability for one in judgement.candidates) < 0.5

    @pytest.mark.parametrize("seed", range(4))
    def test_two_lists_name_nobody(self, seed: int) -> None:
        """A list of the first queue's customers and one of the second's together."""
        market = self.market(seed)
        rng = np.random.default_rng([seed, 2])
        other = (2000 + rng.choice(500, 20, replace=False)).tolist()
        judgement = judged(market, study_of(market, sorted({*self.mailed(market, seed, 30, {}), *other})))
        assert judgement.named == ()

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_reports_made_up_beside_a_list_are_no_leak(self, seed: int) -> None:
        """By seed 0 the list happens to reach two thirds of those whom one of the queue was shown: a source as well."""
        market = self.market(seed)
        listed, made_up = (self.mailed(market, seed, *what) for what in ((30, {}), (0, {"p20": 12})))
        told = [*listed, *(one for one in made_up if one not in listed)]
        weak = {place: {"grade": "G1"} for place in range(len(listed), len(told))}
        judgement = judged(market, study_of(market, told, changes=weak))
        assert max(one.probability for one in judgement.candidates) <= 0.5
        assert judgement.named == ()
