"""The simulated marketplace on disk: everything or nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from leaktrace.errors import SimulationError
from leaktrace.records import SimulationTruth, to_json
from leaktrace.simulate.mbox import join_messages
from leaktrace.simulate.messages import write_mail
from leaktrace.simulate.model import moment
from leaktrace.simulate.scenario import SCENARIOS, Scenario, Story, draw_story
from leaktrace.simulate.tables import (
    access_months,
    customer_ids,
    write_accesses,
    write_contacts,
    write_customers,
    write_principals,
    write_sellers,
)

Progress = Callable[[str, int, int | None], None]
"""Called with (what is being done, steps done, of how many)."""

_LIMITS = {
    "customers": (500, 5_000_000),
    "principals": (30, 20_000),
    "accesses": (5_000, 50_000_000),
    "reports": (1, 20_000),
}


def simulate(
    out: Path,
    *,
    scenario: Scenario,
    seed: int,
    customers: int = 100_000,
    principals: int = 500,
    accesses: int = 1_000_000,
    reports: int = 50,
    progress: Progress | None = None,
) -> SimulationTruth:
    """Writes a marketplace with known truth into a new or empty folder. The same arguments give the same bytes.

    Raises SimulationError for a folder that is not empty or cannot be written, and for sizes that do not fit together;
    then nothing is left behind.
    """
    _check(scenario, seed, customers=customers, principals=principals, accesses=accesses, reports=reports)
    tell = progress or (lambda _what, _done, _of: None)
    folder = Path(out).resolve()
    try:
        _refuse_taken(folder)
        tell("drawing the marketplace", 0, None)
        story = draw_story(
            scenario, seed, customers=customers, principals=principals, accesses=accesses, reports=reports
        )
        truth = _truth(scenario, seed, story)
        folder.parent.mkdir(parents=True, exist_ok=True)
        # A folder that is there stays the one it is: somebody's shell may stand in it, or a disk be mounted on it.
        home = folder if folder.exists() else folder.parent
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=home))
        try:
            _write_all(draft, seed, story, truth, tell)
            if home is folder:
                _move_all(draft, folder)
            else:
                draft.replace(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise SimulationError(
            f"The marketplace cannot be written to {out}: {error.strerror or error}.",
            "Name a new folder on a disk with room that you may write to.",
        ) from error
    return truth


def _check(scenario: str, seed: int, **sizes: int) -> None:
    if scenario not in SCENARIOS:
        raise SimulationError(f"There is no scenario '{scenario}'.", f"Choose one of {', '.join(SCENARIOS)}.")
    if not 0 <= seed < 2**63:
        raise SimulationError(f"The seed {seed} is not a whole number from 0 up.", "Give another --seed.")
    for name, size in sizes.items():
        low, high = _LIMITS[name]
        if not low <= size <= high:
            raise SimulationError(f"{size} {name} cannot be simulated.", f"Ask for {low:,} to {high:,} with --{name}.")


def _refuse_taken(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SimulationError(f"{folder} is there already and is not an empty folder.", "Name a new or empty folder.")


def _move_all(draft: Path, folder: Path) -> None:
    """Puts all that was drafted into the folder, which holds nothing else, or nothing of it."""
    moved: list[Path] = []
    try:
        for one in sorted(draft.iterdir()):
            moved.append(folder / one.name)
            one.rename(folder / one.name)
    except BaseException:
        for one in moved:
            shutil.rmtree(one) if one.is_dir() else one.unlink(missing_ok=True)
        raise


def _truth(scenario: Scenario, seed: int, story: Story) -> SimulationTruth:
    world, incident = story.world, story.incident
    names, people = world.staff.name, world.customers
    leaked = {customer for leak in incident.leaks for customer in leak.customer.tolist()}
    return SimulationTruth(
        scenario=scenario,
        seed=seed,
        sources=tuple(names[leak.source] for leak in incident.leaks),
        tied=tuple(names[principal] for principal in story.tied),
        handlers=tuple(names[principal] for principal in story.handlers),
        seller=world.sellers.seller[incident.main.seller],
        mail_at=moment(int(incident.main.mailed_at.min())),
        leaked_customers=customer_ids(people, np.array(sorted(leaked), np.int64)),
        mailed_customers=customer_ids(people, incident.main.mailed),
        reporting_customers=customer_ids(people, incident.main.reporter),
    )


def _write_all(folder: Path, seed: int, story: Story, truth: SimulationTruth, tell: Progress) -> None:
    world = story.world
    months = access_months(story.accesses)
    steps = len(months) + 3
    (folder / "accesses").mkdir()
    for done, (month, rows) in enumerate(months):
        tell("writing accesses", done, steps)
        write_accesses(folder / "accesses" / f"{month}.parquet", world, story.accesses, rows)
    tell("writing tables", steps - 3, steps)
    write_contacts(folder / "contacts.parquet", world, world.contacts)
    write_customers(folder / "customers.parquet", world)
    write_principals(folder / "principals.csv", world)
    write_sellers(folder / "sellers.csv", world)
    tell("writing mail", steps - 2, steps)
    mail = write_mail(seed, story)
    (folder / "abuse.mbox").write_bytes(join_messages([(d.sender, d.at, d.raw) for d in mail]))
    (folder / "truth.json").write_text(to_json(truth) + "\n", encoding="utf-8")
    tell("done", steps, steps)
