"""What lands on disk, that it lands whole or not at all, and that a seed says everything."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leaktrace.errors import SimulationError
from leaktrace.simulate import SCENARIOS, Scenario, simulate

SMALL: dict[str, Any] = {"customers": 2000, "principals": 40, "accesses": 20_000, "reports": 10}
TRUTH_KEYS = [
    "scenario",
    "seed",
    "sources",
    "tied",
    "handlers",
    "seller",
    "mail_at",
    "leaked_customers",
    "mailed_customers",
    "reporting_customers",
]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, scenario: Scenario) -> None:
    first = simulate(tmp_path / "a", scenario=scenario, seed=5, **SMALL)
    second = simulate(tmp_path / "b", scenario=scenario, seed=5, **SMALL)
    assert first == second
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_another_seed_gives_another_world(tmp_path: Path) -> None:
    simulate(tmp_path / "a", scenario="one", seed=5, **SMALL)
    simulate(tmp_path / "b", scenario="one", seed=6, **SMALL)
    a, b = files_of(tmp_path / "a"), files_of(tmp_path / "b")
    assert a.keys() == b.keys()
    assert all(a[name] != b[name] for name in a)


def test_a_scenario_changes_the_story_and_not_the_marketplace(tmp_path: Path) -> None:
    folders = {scenario: tmp_path / scenario for scenario in SCENARIOS}
    for scenario, folder in folders.items():
        simulate(folder, scenario=scenario, seed=5, **SMALL)
    written = {scenario: files_of(folder) for scenario, folder in folders.items()}
    for name in ("contacts.parquet", "customers.parquet", "sellers.csv"):
        assert len({files[name] for files in written.values()}) == 1, name
    assert len({tuple(files) for files in written.values()}) == 1


def test_tables_have_the_promised_columns_and_rows(tmp_path: Path) -> None:
    truth = simulate(tmp_path / "out", scenario="one", seed=1, **SMALL)
    accesses = pq.read_table(tmp_path / "out" / "accesses")
    assert accesses.column_names == ["at", "principal", "customer", "fields", "action", "tool", "reason"]
    assert accesses.schema.field("at").type == pa.timestamp("us", tz="UTC")
    assert accesses.schema.field("fields").type == pa.list_(pa.string())
    assert accesses.num_rows == SMALL["accesses"]
    assert len(list((tmp_path / "out" / "accesses").glob("*.parquet"))) > 3
    customers = pq.read_table(tmp_path / "out" / "customers.parquet")
    assert customers.column_names == ["customer", "email", "locale", "jurisdiction", "region", "segment"]
    assert customers.num_rows == len(set(customers["email"].to_pylist())) == SMALL["customers"]
    contacts = pq.read_table(tmp_path / "out" / "contacts.parquet")
    assert contacts.column_names == ["at", "customer", "seller", "kind", "product"]
    principals = (tmp_path / "out" / "principals.csv").read_text().splitlines()
    assert principals[0] == "principal,team,site,kind,reports_to,active_from,active_to"
    assert len(principals) == SMALL["principals"] + 1
    assert (tmp_path / "out" / "sellers.csv").read_text().splitlines()[0] == "seller,name,domains,status"
    written = json.loads((tmp_path / "out" / "truth.json").read_text())
    assert list(written) == TRUTH_KEYS
    assert written["sources"] == list(truth.sources)
    assert len(written["reporting_customers"]) == SMALL["reports"]


def test_every_tool_is_used_every_month(tmp_path: Path) -> None:
    simulate(tmp_path / "out", scenario="one", seed=1, **SMALL)
    for path in sorted((tmp_path / "out" / "accesses").glob("*.parquet"))[1:]:
        used = set(pq.read_table(path)["tool"].to_pylist())
        assert used == {"crm", "order-desk", "search", "api", "export"}, path.name


def test_activity_differs_much_between_customers_and_between_principals(tmp_path: Path) -> None:
    simulate(tmp_path / "out", scenario="nobody", seed=1, **SMALL)
    accesses = pq.read_table(tmp_path / "out" / "accesses")
    for column in ("customer", "principal"):
        counts = sorted(Counter(accesses[column].to_pylist()).values())
        assert counts[-1] > 4 * counts[len(counts) // 2], column


def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    folder = out.stat().st_ino
    simulate(out, scenario="one", seed=1, **SMALL)
    assert out.stat().st_ino == folder, "whoever stands in it must find the files"
    before = files_of(out)
    with pytest.raises(SimulationError, match="not an empty folder"):
        simulate(out, scenario="one", seed=2, **SMALL)
    assert files_of(out) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_a_file_in_the_way_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(SimulationError, match="not an empty folder"):
        simulate(tmp_path / "out", scenario="one", seed=1, **SMALL)
    with pytest.raises(SimulationError, match="cannot be written"):
        simulate(tmp_path / "out" / "below", scenario="one", seed=1, **SMALL)
    assert (tmp_path / "out").read_text() == "mine"


def test_what_is_interrupted_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(what: str, done: int, of: int | None) -> None:
        if what == "writing mail":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "out", scenario="one", seed=1, progress=interrupt, **SMALL)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, scenario="one", seed=1, progress=interrupt, **SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"customers": 3}, "3 customers"),
        ({"principals": 2}, "2 principals"),
        ({"accesses": 10}, "10 accesses"),
        ({"reports": 0}, "0 reports"),
        ({"reports": 900}, "900 reports"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_in_a_sentence(tmp_path: Path, sizes: dict[str, int], said: str) -> None:
    with pytest.raises(SimulationError, match=said) as caught:
        simulate(tmp_path / "out", scenario="one", seed=1, **{**SMALL, **sizes})
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_names_a_number_that_is_possible(tmp_path: Path) -> None:
    with pytest.raises(SimulationError) as caught:
        simulate(tmp_path / "out", scenario="one", seed=1, **{**SMALL, "reports": 900})
    possible = int(caught.value.hint.split(" reports are possible")[0].rpartition(" ")[2])
    truth = simulate(tmp_path / "out", scenario="one", seed=1, **{**SMALL, "reports": possible})
    assert len(truth.reporting_customers) == possible > SMALL["reports"]


def test_unknown_scenarios_and_seeds_are_refused(tmp_path: Path) -> None:
    wrong: Any = "all"
    with pytest.raises(SimulationError, match="no scenario 'all'"):
        simulate(tmp_path / "out", scenario=wrong, seed=1, **SMALL)
    with pytest.raises(SimulationError, match="seed -1"):
        simulate(tmp_path / "out", scenario="one", seed=-1, **SMALL)
