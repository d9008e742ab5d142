"""Writes a bundle: aside, synced, verified by the verifier that the police will run, and only then in its place."""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leaktrace.caserecords import Approvals, BundleWritten, CaseDiary, digest_of
from leaktrace.errors import ResponseError
from leaktrace.response.bundle.bag import MANIFEST
from leaktrace.response.bundle.files import bundle_files
from leaktrace.response.bundle.inputs import BundledExhibit, BundleInput, Sign, hand_over
from leaktrace.response.bundle.signing import fingerprint_of
from leaktrace.response.bundle.verifier.verify import WrongError, verify
from leaktrace.wholefiles import sync_folder, write_new


@dataclass(frozen=True, slots=True)
class WrittenBundle:
    """A bundle in its place, as `bundle --json` tells it."""

    case: str
    folder: str
    fingerprint: str
    """SHA-256 of the raw public key, hex: give it to the recipient by another way."""
    manifest_sha256: str
    exhibit_count: int
    withheld_count: int
    file_count: int
    size_bytes: int
    said: tuple[str, ...]
    """What the verifier says of it."""


def write_bundle(given: BundleInput, sign: Sign, target: Path) -> WrittenBundle:
    """Writes the bundle into `target`, which must be missing or an empty folder.

    ResponseError when it is not, cannot be written, or when what was written does not verify. A kill at any moment
    leaves no folder `target`, or the whole one.
    """
    check_target(target)
    files = bundle_files(given, sign)
    fingerprint = fingerprint_of(given.public_key)
    try:
        said = _write_aside(files, target, fingerprint)
    except OSError as error:
        raise ResponseError(
            f"The bundle could not be written to {target}: {error.strerror}.", "Choose a folder with enough room."
        ) from error
    given_count = sum(one.content is not None for one in given.exhibits)
    return WrittenBundle(
        case=given.case,
        folder=str(target),
        fingerprint=fingerprint,
        manifest_sha256=hashlib.sha256(files[MANIFEST]).hexdigest(),
        exhibit_count=given_count,
        withheld_count=len(given.exhibits) - given_count,
        file_count=len(files),
        size_bytes=sum(len(content) for content in files.values()),
        said=said,
    )


def check_target(target: Path) -> None:
    """ResponseError unless a bundle can go there: asked for before an approval is used up."""
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise ResponseError(
            f"{target} is there already.", "Give a folder that is new or empty: a bundle is never mixed."
        )


def use_hand_over(
    approvals: Approvals, case: str, request: str, recipient: str, exhibits: tuple[BundledExhibit, ...]
) -> str:
    """Uses up the approval to hand exactly these exhibits to this recipient; the digest of what was approved.

    ApprovalError when two people did not agree to exactly that. The log entry it makes is part of the bundle, so the
    checkpoint is taken afterwards.
    """
    parameters = hand_over(case, recipient, exhibits)
    approvals.use(case, request, "hand_over", recipient, parameters)
    return digest_of(parameters)


def record_bundle(diary: CaseDiary, written: WrittenBundle, request: str, recipient: str) -> None:
    """Writes down in the case that the bundle was written."""
    event = BundleWritten(request, written.manifest_sha256, written.exhibit_count, recipient)
    diary.record(written.case, event)


def _write_aside(files: Mapping[str, bytes], target: Path, fingerprint: str) -> tuple[str, ...]:
    target.parent.mkdir(parents=True, exist_ok=True)
    left = _remove_leftovers(target)
    aside = Path(tempfile.mkdtemp(prefix=_prefix(target), dir=target.parent))
    holding = _held(aside)
    try:
        for folder in sorted({parent for name in files for parent in Path(name).parents if parent.name}):
            (aside / folder).mkdir(mode=0o700)
        for name, content in files.items():
            write_new(aside / name, content)
        said = _verified(aside, fingerprint)
        for folder in sorted({aside, *(one for one in aside.rglob("*") if one.is_dir())}, reverse=True):
            sync_folder(folder)
        # An empty folder gives way to the whole bundle in one step (rename(2)); a full one does not.
        aside.rename(target)
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    finally:
        os.close(holding)
    return (*left, *said)


def _prefix(target: Path) -> str:
    return f".{target.name}.leaktrace-"


def _held(folder: Path) -> int:
    """A lock on a folder that ends with its process, however that ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _remove_leftovers(target: Path) -> tuple[str, ...]:
    """Removes what killed runs left beside the target: mails and names in plain, which nobody would miss."""
    said = []
    for found in sorted(target.parent.glob(f"{glob.escape(_prefix(target))}*")):
        if found.is_symlink() or not found.is_dir():
            continue
        try:
            holding = _held(found)
        except OSError:  # somebody is writing it, or it is not ours
            continue
        shutil.rmtree(found, ignore_errors=True)
        os.close(holding)
        said.append(f"Removed {found.name}: what a run that was killed had left.")
    return tuple(said)


def _verified(folder: Path, fingerprint: str) -> tuple[str, ...]:
    try:
        return tuple(verify(folder, fingerprint))
    except WrongError as error:
        raise ResponseError(
            f"The bundle does not verify, and was not written: {error}.",
            "Run 'leaktrace custody verify'; if that is well, report this as a defect.",
        ) from error
