"""A process that works on a case until it is killed; says each thing it finished. Run by `test_case_store`."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from leaktrace.cases import Actor, CaseStore, CaseWork, ExhibitStore, Premises
from tests.cases.small_cases import KEYRING, Clock, keeper_for


def main(folder: Path, case: str) -> None:
    """Notes, exhibits and subjects (several events in one transaction), for ever."""
    store = CaseStore(folder / "cases", KEYRING, keeper_for(folder))
    exhibits = ExhibitStore(folder / "cases" / "exhibits", KEYRING)
    work = CaseWork(Premises(store, exhibits, Clock(), dict), Actor("ina", "password"))
    print("ready", flush=True)
    for number in count():
        work.note(case, f"note {number}")
        stored = work.store_exhibit(case, "document", "Something", f"bytes {number}".encode() * 500, "text/plain")
        work.set_subjects(case, [f"u-{number:06d}"], ["s1"], "again")
        print(f"{number} {stored.sha256}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
