"""Evidence that came as tables, kept in the workspace: encrypted, each file a campaign of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from leaktrace.errors import LedgerError, MailError
from leaktrace.folder import cannot_write, write_aside
from leaktrace.intake.evidence import ReadEvidence, read_evidence_file
from leaktrace.keys import Keyring
from leaktrace.records import Evidence, EvidenceItem, IngestReport, to_json
from leaktrace.setaside import write_rejects


class KeptEvidence:
    """The evidence files of one workspace."""

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        self._folder = folder
        self._keyring = keyring

    def ingest(self, files: Sequence[Path], file_format: str | None = None) -> IngestReport:
        """Keeps files; the same file again changes nothing. Bad ones raise LedgerError once the others are in.

        A file without one usable row is no campaign: it is told of each time, and not kept.
        """
        found: dict[Path, ReadEvidence] = {}
        bad: list[LedgerError] = []
        for path in dict.fromkeys(files):
            try:
                found[path] = read_evidence_file(path, file_format)
            except LedgerError as error:
                bad.append(error)
        try:
            report = self._keep(found)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        if bad:
            hints = " ".join(dict.fromkeys(error.hint for error in bad))
            others = f" The other files ({len(found)}) are in." if found else ""
            raise LedgerError("\n".join(error.message for error in bad), hints + others)
        return report

    def __iter__(self) -> Iterator[Evidence]:
        """All that is kept, in the order of the campaigns' ids."""
        for path, sealed in self._all_sealed():
            yield _evidence_from(json.loads(self._keyring.decrypt(sealed, path.stem)))

    def reseal(self) -> int:
        """Encrypts under the newest generation of the key what is under an older one; how many files.

        Each is replaced whole; killed in between, the next call goes on. KeyFileError for one that does not open.
        """
        count = 0
        for path, sealed in self._all_sealed():
            anew = self._keyring.resealed(sealed, path.stem)
            if anew is not None:
                write_aside(path, anew.hex())
                count += 1
        return count

    def _all_sealed(self) -> Iterator[tuple[Path, bytes]]:
        for path in sorted(self._folder.glob("*.sealed")):
            try:
                sealed = bytes.fromhex(path.read_text(encoding="ascii"))
            except (OSError, ValueError) as error:
                raise MailError(
                    f"The kept evidence {path} cannot be read.",
                    "Restore it from a backup, or remove it and ingest its file again.",
                ) from error
            yield path, sealed

    def _keep(self, found: Mapping[Path, ReadEvidence]) -> IngestReport:
        new = [read for read in found.values() if not read.evidence.items or not self._sealed(read).exists()]
        rejected = [(path, row) for path, read in found.items() for row in read.rejected]
        self._folder.mkdir(mode=0o700, exist_ok=True)
        # Before the evidence and whole, whatever was kept earlier: a kill in between loses and doubles no line.
        rejects_file = self._rejects_file(found)
        if rejected and new:
            lines = [(path, {"row": row.row, "reason": row.reason}) for path, row in rejected]
            write_rejects(rejects_file, lines, self._keyring)
        for read in (read for read in new if read.evidence.items):
            sealed = self._keyring.encrypt(to_json(read.evidence).encode(), read.evidence.campaign)
            write_aside(self._sealed(read), sealed.hex())
        accepted_count = sum(len(read.evidence.items) for read in new)
        rejected_count = sum(len(read.rejected) for read in new)
        row_count = sum(len(read.evidence.items) + len(read.rejected) for read in found.values())
        return IngestReport(
            table="evidence",
            accepted_count=accepted_count,
            rejected_count=rejected_count,
            already_ingested_count=row_count - accepted_count - rejected_count,
            rejects_file=str(rejects_file) if rejected_count else None,
            notes=tuple(
                f"{path.name}: columns ignored: {', '.join(read.ignored_columns)}."
                for path, read in found.items()
                if read.ignored_columns
            ),
        )

    def _sealed(self, read: ReadEvidence) -> Path:
        return self._folder / f"{read.evidence.campaign}.sealed"

    def _rejects_file(self, found: Mapping[Path, ReadEvidence]) -> Path:
        # Files without a usable row all say the same, nothing: by what they hold, else one's rejects replace another's.
        names = "".join(
            sorted(read.evidence.campaign if read.evidence.items else read.sha256 for read in found.values())
        )
        return self._folder / f"rejects-{hashlib.sha256(names.encode()).hexdigest()[:8]}.ndjson"


def _evidence_from(document: dict[str, Any]) -> Evidence:
    items = tuple(
        EvidenceItem(
            **{**item, "received_at": _instant(item["received_at"]), "reported_at": _instant(item["reported_at"])}
        )
        for item in document["items"]
    )
    seller = document["seller"]
    return Evidence(items, document["campaign"], seller, None if seller is None else 1.0)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
