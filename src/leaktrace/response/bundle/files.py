"""From what is handed over to the files of a bundle. Pure: bytes in, bytes out, the same ones each time."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files as resources

from leaktrace.caserecords import ActionRequested, canonical, digest_of
from leaktrace.errors import ResponseError
from leaktrace.response.bundle import bag
from leaktrace.response.bundle.caseuco import case_uco
from leaktrace.response.bundle.inputs import BundleInput, Sign, hand_over
from leaktrace.response.bundle.merkle import log_files, proof_file
from leaktrace.response.bundle.names import exhibit_file
from leaktrace.response.bundle.signing import KEY_FILE, SIGNATURE_FILE, key_file, signed_note, statement
from leaktrace.response.bundle.tables import accesses_csv, exposure_csv, names_csv, timeline_csv

VERIFIERS = ("verify.py", "VERIFY.md")


def bundle_files(given: BundleInput, sign: Sign) -> dict[str, bytes]:
    """All files of the bundle by their names, the signature last.

    `sign` must be of the key `given.public_key`. ResponseError when the input cannot make a bundle that verifies for
    a reason that is known before writing; the writer verifies the whole of it once more.
    """
    _check(given)
    payload = {f"data/{name}": content for name, content in _payload(given).items()}
    tags = {
        "bagit.txt": bag.BAGIT,
        "bag-info.txt": bag.bag_info(given.case, given.title, given.recipient, given.written_at, payload),
        KEY_FILE: key_file(given.public_key),
        **{name: published(name) for name in VERIFIERS},
        bag.MANIFEST: bag.manifest(payload),
    }
    tags[bag.TAG_MANIFEST] = bag.manifest(tags)
    text = statement(given.origin, given.case, tags[bag.MANIFEST], tags[bag.TAG_MANIFEST], list(tags))
    signature = {SIGNATURE_FILE: signed_note(text, given.origin, given.public_key, sign)}
    every = {**payload, **tags, **signature}
    bag.check_names(every)
    return every


def published(name: str) -> bytes:
    """One of the two verifiers, as it is published."""
    return resources("leaktrace.response.bundle.verifier").joinpath(name).read_bytes()


def _check(given: BundleInput) -> None:
    missing = [one.stored.exhibit for one in given.exhibits if one.content is None and not one.withheld_because]
    if missing:
        raise ResponseError(
            f"{', '.join(missing)}: neither handed over nor withheld with a reason.", "Say why, or hand it over."
        )
    if given.written_at.tzinfo is None:
        raise ResponseError("The time of a bundle has no zone.", "Give an aware time.")
    digest = digest_of(hand_over(given.case, given.recipient, given.exhibits))
    asked = [
        one.event.parameters_sha256
        for one in given.events
        if isinstance(one.event, ActionRequested) and one.event.request == given.request
    ]
    if digest not in asked:
        raise ResponseError(
            f"{given.request} is not about handing exactly these exhibits to this recipient.",
            "Ask again for the hand-over: an exhibit was added since, or the recipient is another.",
        )


def _payload(given: BundleInput) -> dict[str, bytes]:
    # Not at the top: reportlab would be loaded at every start of the program.
    from leaktrace.response.bundle.cover import cover_report

    optional: Mapping[str, bytes | None] = {
        "finding.json": given.finding,
        "evidence.json": given.evidence,
        "calibration.json": given.calibration,
        "accesses.csv": accesses_csv(given.accesses) if given.accesses else None,
        "exposure.csv": exposure_csv(given.exposure) if given.exposure else None,
        "names.csv": names_csv(given.names) if given.names else None,
    }
    stored = {exhibit_file(one.stored): one.content for one in given.exhibits if one.content is not None}
    proofs = {
        f"proofs/{one.stored.exhibit}.tlog-proof": proof_file(one.log_index, one.proof, given.checkpoint)
        for one in given.exhibits
    }
    return {
        **{name: content for name, content in optional.items() if content is not None},
        **stored,
        **proofs,
        **{f"approvals/{one.request}.json": one.envelope for one in given.approvals},
        **_times(given),
        **{f"log/{name}": content for name, content in log_files(given.leaves).items()},
        "log/checkpoint": given.checkpoint,
        "log/events.txt": _events(given),
        "handover.json": canonical(hand_over(given.case, given.recipient, given.exhibits)),
        "timeline.csv": timeline_csv(given.events),
        "case-uco.jsonld": case_uco(given),
        "cover.pdf": cover_report(given),
    }


def _events(given: BundleInput) -> bytes:
    """Index, salt and canonical document of each disclosed event: what opens its commitment in the log."""
    ordered = sorted(given.events, key=lambda one: one.entry.index)
    return b"".join(b"%d %s %s\n" % (one.entry.index, one.salt.encode(), canonical(one.document())) for one in ordered)


def _times(given: BundleInput) -> dict[str, bytes]:
    """Each timestamp with the chain of its authority beside it, and the chain's root apart, as `openssl` wants it."""
    begin = b"-----BEGIN CERTIFICATE-----"
    files: dict[str, bytes] = {}
    for number, token in enumerate(given.tokens, start=1):
        parts = [begin + part for part in token.chain_pem.split(begin)[1:]]
        certificates = [
            part[: part.index(b"-----END CERTIFICATE-----")] + b"-----END CERTIFICATE-----\n" for part in parts
        ]
        files[f"timestamps/{number:03d}.tsr"] = token.response
        files[f"timestamps/{number:03d}.chain.pem"] = b"".join(certificates)
        files[f"timestamps/{number:03d}.root.pem"] = certificates[-1] if certificates else b""
    return files
