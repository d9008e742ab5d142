"""What one reading of a source writes: segments, runs, postings and dictionaries; aside until it is committed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from leaktrace.ledger.accessruns import AccessRuns, CustomerColumn
from leaktrace.ledger.cells import NameRules
from leaktrace.ledger.dictionary import NameKind
from leaktrace.ledger.lake import SegmentWriter
from leaktrace.ledger.names import NameKeys
from leaktrace.ledger.newnames import DictionaryWriter, NewNames
from leaktrace.ledger.postingwriter import PostingWriter
from leaktrace.ledger.runnames import RunNames
from leaktrace.ledger.schema import ACCESSES, BULK_READS, TableSchema
from leaktrace.ledger.stores import NAME_KINDS, Stores

_NO_NUMBERS = np.empty(0, np.uint64)


class SourceOutputs:
    """All files that one reading of a source writes, aside until they are published."""

    def __init__(self, stores: Stores, schema: TableSchema, sha256: str, source: int) -> None:
        schemas = (schema, BULK_READS) if schema is ACCESSES else (schema,)
        self.writers = {s.name: SegmentWriter(stores.folder, s, sha256) for s in schemas}
        self.dictionaries = DictionaryWriter(stores.folder, sha256, schema.name)
        self.postings = PostingWriter(stores.folder, sha256[:24], stores.catalog.next_posting())
        self.customers = CustomerColumn(stores.keyring)
        self.numbered: dict[NameKind, NameKeys] = {}
        self.runs: AccessRuns | None = None
        if schema is ACCESSES:
            names = RunNames(stores.dictionaries["customer"], self.dictionaries, stores.keyring)
            memory = stores.settings.ingest_memory_megabytes * 1_000_000
            forgotten = stores.withholding.forgotten
            self.runs = AccessRuns(
                self.writers[schema.name], self.postings, names, source, memory, forgotten, stores.room
            )

    def name_rules(self, stores: Stores, barred: Mapping[NameKind, frozenset[str]]) -> dict[str, NameRules]:
        """How the source's names become numbers; those that are new are gathered on the way."""
        rules = dict[str, NameRules]()
        for kind in NAME_KINDS:
            unwanted = stores.withholding.forgotten if kind == "customer" else _NO_NUMBERS
            fresh = NewNames(kind, stores.engine, stores.dictionaries[kind], stores.keyring, unwanted)
            self.numbered[kind] = NameKeys(kind, stores.keyring, fresh.take)
            rules[kind] = NameRules(self.numbered[kind], barred[kind])
        if self.runs is not None:
            rules["customer"] = NameRules(self.customers, barred["customer"])
        return rules

    def discard(self) -> None:
        """Leaves nothing of them."""
        if self.runs is not None:
            self.runs.abandon()
        for writer in self.writers.values():
            writer.discard()
        self.dictionaries.discard()
        self.postings.discard()
