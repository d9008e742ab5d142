"""Writes the names anew under the newest generation of the key; numbers and rows stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np

from leaktrace.ledger.dictionary import Dictionary, NameKind
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.upkeep.premises import Premises
from leaktrace.ledger.upkeep.rewrite import Replacements


def reseal(premises: Premises, progress: Progress) -> int:
    """How many dictionaries were under an older generation. Each is one transaction: killed, the next call goes on.

    KeyFileError where one does not open, LedgerError where its bytes are not those that were committed.
    """
    count = 0
    nobody = np.empty(0, np.uint64)
    with premises.writing():
        files = premises.catalog.dictionaries()
        for done, file in enumerate(files):
            progress("sealing names anew", done, len(files))
            kind = cast(NameKind, file.table)
            held = Dictionary(premises.folder / file.path, kind, Path(file.path).stem)
            if held.generation(premises.keyring) == premises.keyring.generation:
                continue
            premises.demand_whole(file)
            with Replacements(premises.folder, premises.catalog) as new:
                new.write_dictionary(file.path, kind, nobody, premises.keyring, anew=True)
                published = new.publish_dictionaries()
                with premises.catalog.writing():
                    for old, kept in published:
                        premises.catalog.replace_dictionary(old, kept)
            count += 1
        premises.remove_replaced()
        progress("sealing names anew", len(files), len(files))
    return count
