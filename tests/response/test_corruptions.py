"""Whatever is done to a bundle: both verifiers refuse it, and by the same check."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktrace.caserecords import ApprovalPayload
from leaktrace.response.bundle import BundleInput, TimestampToken
from leaktrace.response.bundle.verifier import verify
from tests.response.conftest import Verifiers
from tests.response.corruptions import (
    APPROVAL,
    ENTRIES,
    PLAIN,
    REBAGGED,
    RESEALED,
    drop_tag_manifest,
    flip,
    fork,
    sign_other_tags,
)
from tests.response.forging import Authority, Forger, write_bundle
from tests.response.made_cases import (
    FINGERPRINT,
    LOG_KEY,
    SIZE,
    START,
    MadeLog,
    changes,
    checkpoint_of,
    made_input,
    text_of,
)

STRANGER = "a stranger"


def both_refuse(verifiers: Verifiers, root: Path, check: int, earlier: Path | None = None) -> None:
    python, shell = verifiers.python(root, earlier=earlier), verifiers.shell(root, earlier=earlier)
    assert (python.code, python.check) == (1, check), python.said
    assert (shell.code, shell.check) == (1, check), shell.said


@pytest.mark.parametrize("kind", PLAIN)
def test_what_fits_nowhere_is_refused(kind: str, verifiers: Verifiers, copy: Path) -> None:
    change, check = PLAIN[kind]
    change(Forger(copy))
    both_refuse(verifiers, copy, check)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("no exhibit", "data/exhibits/E-0001.eml"),
        ("file too many in data", "data/note.txt"),
        ("truncated log", ENTRIES),
    ],
)
def test_both_say_which_file_it_is(kind: str, name: str, verifiers: Verifiers, copy: Path) -> None:
    PLAIN[kind][0](Forger(copy))
    assert name in verifiers.python(copy).said
    assert name in verifiers.shell(copy).said


def test_a_name_does_not_write_the_verdict(verifiers: Verifiers, copy: Path) -> None:
    """The attack: a file's name in the message goes back to the start of the line and writes OK over it."""
    PLAIN["name that moves the cursor"][0](Forger(copy))
    for verdict in (verifiers.python(copy), verifiers.shell(copy)):
        assert verdict.said.startswith("WRONG: [1]")
        assert verdict.said.removesuffix("\n").isprintable()


def test_a_manifest_that_nobody_checked_yet_has_no_other_file_read(verifiers: Verifiers, copy: Path) -> None:
    """The attack: sha256sum follows the manifest out of the folder, to a file without an end."""
    forger = Forger(copy)
    forger.write("data/note.txt", b"x")
    out = "../" * len(copy.parts)
    forger.edit("manifest-sha256.txt", lambda lines: f"{'0' * 64}  {out}dev/zero\n".encode() + lines)
    shell = verifiers.shell(copy)
    assert (shell.code, shell.check) == (1, 2), shell.said


@pytest.mark.parametrize("kind", REBAGGED)
def test_a_valid_bag_that_we_did_not_sign_is_refused(kind: str, verifiers: Verifiers, copy: Path) -> None:
    change, check = REBAGGED[kind]
    change(Forger(copy))
    Forger(copy).rebag()
    both_refuse(verifiers, copy, check)


@pytest.mark.parametrize("kind", RESEALED)
def test_a_signed_bag_that_the_log_contradicts_is_refused(kind: str, verifiers: Verifiers, copy: Path) -> None:
    change, check = RESEALED[kind]
    change(Forger(copy))
    Forger(copy).reseal()
    both_refuse(verifiers, copy, check)


def test_the_tag_manifest_cannot_be_taken_away(verifiers: Verifiers, copy: Path) -> None:
    drop_tag_manifest(Forger(copy))
    both_refuse(verifiers, copy, 4)


def test_nor_the_list_of_tag_files_be_another(verifiers: Verifiers, copy: Path) -> None:
    sign_other_tags(Forger(copy))
    both_refuse(verifiers, copy, 5)


def test_a_foreign_key_makes_a_bundle_that_is_intact_but_not_ours(verifiers: Verifiers, copy: Path) -> None:
    Forger(copy).take_over(STRANGER)
    for name in ("001.tsr", "001.chain.pem", "001.root.pem"):
        Forger(copy).remove(f"data/timestamps/{name}")
    Forger(copy).rebag()
    Forger(copy).sign(STRANGER)
    for verdict in (verifiers.python(copy, key=None), verifiers.shell(copy, key=None)):
        assert verdict.code == 3, verdict.said
        assert "ORIGIN UNPROVEN" in verdict.said
    both_refuse(verifiers, copy, 6)


# --- every byte ----------------------------------------------------------------------------------------------


def test_a_byte_changed_in_any_file_is_found(pristine: Path, tmp_path: Path) -> None:
    """In this process, as there are many files; the recipe's part of it is the next test."""
    for number, name in enumerate(Forger(pristine).files()):
        root = shutil.copytree(pristine, tmp_path / str(number))
        Forger(root).edit(name, flip)
        with pytest.raises(verify.WrongError):
            verify.verify(root, FINGERPRINT)


@pytest.mark.parametrize(
    "name",
    [
        "data/cover.pdf",
        "data/log/checkpoint",
        "data/log/events.txt",
        "data/proofs/E-0001.tlog-proof",
        "verify.py",
        "bag-info.txt",
        "manifest-sha256.txt",
        "tagmanifest-sha256.txt",
        "signatures/key.pem",
        "signatures/bundle.note",
    ],
)
def test_a_byte_changed_is_found_by_both(name: str, verifiers: Verifiers, copy: Path) -> None:
    Forger(copy).edit(name, flip)
    for verdict in (verifiers.python(copy), verifiers.shell(copy)):
        assert verdict.code == 1, verdict.said


# --- approvals that are none ---------------------------------------------------------------------------------


def other_case(payload: ApprovalPayload) -> ApprovalPayload:
    return replace(payload, case="K-00000000")


def other_head(payload: ApprovalPayload) -> ApprovalPayload:
    return replace(payload, case_head=replace(payload.case_head, last_commitment="0" * 64))


def future_head(payload: ApprovalPayload) -> ApprovalPayload:
    return replace(payload, case_head=replace(payload.case_head, event_count=999))


def expired(payload: ApprovalPayload) -> ApprovalPayload:
    return replace(payload, expires_at=payload.requested_at + timedelta(seconds=1))


def not_yet(payload: ApprovalPayload) -> ApprovalPayload:
    return replace(payload, requested_at=payload.requested_at + timedelta(days=1), expires_at=START + timedelta(days=9))


def other_exhibits(payload: ApprovalPayload) -> ApprovalPayload:
    return replace(payload, parameters_sha256="0" * 64)


def other_action(payload: ApprovalPayload) -> ApprovalPayload:
    return replace(payload, action="retain")


def other_requester(payload: ApprovalPayload) -> ApprovalPayload:
    return replace(payload, requested_by="cyn")


def other_request(payload: ApprovalPayload) -> ApprovalPayload:
    return replace(payload, request="A-0001")


APPROVALS: dict[str, tuple[BundleInput, int]] = {
    "one person twice": (made_input(signers=("ben", "ben")), 11),
    "one signature": (made_input(signers=("ada",)), 11),
    "three signatures": (made_input(signers=("ada", "ben", "cyn")), 11),
    "nobody enrolled": (made_input(signers=("ada", "eve")), 11),
    "no approver": (made_input(signers=("ada", "dan")), 11),
    "another type": (made_input(payload_type="application/vnd.in-toto+json"), 11),
    "another case": (made_input(forge=other_case), 11),
    "another head": (made_input(forge=other_head), 11),
    "a head to come": (made_input(forge=future_head), 11),
    "expired": (made_input(forge=expired), 11),
    "not yet asked for": (made_input(forge=not_yet), 11),
    "another requester": (made_input(forge=other_requester), 11),
    "another request": (made_input(forge=other_request), 11),
    "another action": (made_input(forge=other_action), 12),
    "other exhibits": (made_input(forge=other_exhibits), 12),
    "an approver's key replaced before": (made_input(beforehand=changes("ben", key="ben's next")), 11),
    "an approver's key replaced before it was used": (made_input(meanwhile=changes("ben", key="ben's next")), 11),
    "a requester's key replaced before": (made_input(beforehand=changes("ada", key="ada's next")), 11),
    "a requester's key replaced before it was used": (made_input(meanwhile=changes("ada", key="ada's next")), 11),
    "a requester who had left": (made_input(beforehand=changes("ada", active=False)), 11),
    "a requester who left before it was used": (made_input(meanwhile=changes("ada", active=False)), 11),
    "an approver who left before it was used": (made_input(meanwhile=changes("ben", active=False)), 11),
}


@pytest.mark.parametrize("kind", APPROVALS)
def test_an_approval_that_is_none_hands_nothing_over(kind: str, verifiers: Verifiers, tmp_path: Path) -> None:
    given, check = APPROVALS[kind]
    both_refuse(verifiers, write_bundle(given, tmp_path / "bundle"), check)


def test_what_was_signed_with_the_key_of_its_time_stays_signed(verifiers: Verifiers, tmp_path: Path) -> None:
    """A key replaced, or its owner gone, after the approval was used; another's replaced before; one that came back."""
    later = made_input(afterwards=changes("ben", key="ben's next"))
    left = made_input(afterwards=changes("ben", active=False))
    other = made_input(signers=("ada", "cyn"), beforehand=changes("ben", key="ben's next"))

    def there_and_back(log: MadeLog) -> None:
        changes("ben", key="ben's next")(log)
        changes("ben")(log)

    for number, made in enumerate((later, left, other, made_input(beforehand=there_and_back))):
        root = write_bundle(made, tmp_path / str(number))
        for verdict in (verifiers.python(root), verifiers.shell(root)):
            assert verdict.code == 0, verdict.said


@pytest.mark.parametrize("kind", ["replaced", "left"])
def test_a_stolen_key_approves_nothing_once_it_was_replaced(kind: str, verifiers: Verifiers, tmp_path: Path) -> None:
    """The attack: whoever has the log's key and ben's old key agrees in ben's name.

    With the change of ben's key not logged it works, and nothing but the log can tell: then the key was ben's. With
    the change in the log both verifiers refuse it, and also where its event is kept back: the entry shows its kind.
    """
    assert verifiers.python(write_bundle(made_input(), tmp_path / "unlogged")).code == 0
    change = changes("ben", key="ben's next") if kind == "replaced" else changes("ben", active=False)
    made = made_input(beforehand=change)
    both_refuse(verifiers, write_bundle(made, tmp_path / "logged"), 11)
    kept_back = replace(made, events=tuple(one for one in made.events if one.entry.kind != "PersonChanged"))
    both_refuse(verifiers, write_bundle(kept_back, tmp_path / "kept-back"), 11)


# --- time and growth -----------------------------------------------------------------------------------------


def test_an_old_token_is_refused(verifiers: Verifiers, authority: Authority, tmp_path: Path) -> None:
    given = made_input()
    old = authority.stamp(text_of(checkpoint_of(list(given.leaves[:-3]))))
    root = write_bundle(replace(given, tokens=(TimestampToken(old, authority.chain),)), tmp_path / "bundle")
    both_refuse(verifiers, root, 13)


def test_a_token_from_before_the_last_entry_is_refused(
    verifiers: Verifiers, authority: Authority, tmp_path: Path
) -> None:
    given = made_input(start=datetime(2099, 1, 1, tzinfo=UTC))
    token = TimestampToken(authority.stamp(text_of(given.checkpoint)), authority.chain)
    both_refuse(verifiers, write_bundle(replace(given, tokens=(token,)), tmp_path / "bundle"), 13)


def test_a_token_of_another_authority_is_refused(
    verifiers: Verifiers, authority: Authority, stamped_input: BundleInput, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "tsa", "Two")
    token = TimestampToken(authority.stamp(text_of(stamped_input.checkpoint)), other.chain)
    both_refuse(verifiers, write_bundle(replace(stamped_input, tokens=(token,)), tmp_path / "bundle"), 13)


def test_cosignatures_of_witnesses_do_not_hurt_the_token(
    verifiers: Verifiers, stamped_input: BundleInput, tmp_path: Path
) -> None:
    line = "— witness.example AAAAAAAAAAAAAAAA\n".encode()
    checkpoint = stamped_input.checkpoint + line
    root = write_bundle(replace(stamped_input, checkpoint=checkpoint), tmp_path / "bundle")
    for verdict in (verifiers.python(root), verifiers.shell(root)):
        assert verdict.code == 0, verdict.said


@pytest.mark.parametrize("size", [0, 1, 16, 30, SIZE])
def test_a_log_that_grew_continues_what_was_seen(
    size: int, verifiers: Verifiers, stamped_input: BundleInput, pristine: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_bytes(checkpoint_of(list(stamped_input.leaves[:size])))
    for verdict in (verifiers.python(pristine, earlier=earlier), verifiers.shell(pristine, earlier=earlier)):
        assert verdict.code == 0, verdict.said
        assert f"continues the earlier checkpoint of {size} entries" in verdict.said


def test_a_fork_is_found_by_what_was_seen_earlier(
    verifiers: Verifiers, stamped_input: BundleInput, pristine: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_bytes(checkpoint_of(fork(list(stamped_input.leaves))[:20]))
    # Without it the bundle is good: whoever has the log's key can tell two histories.
    assert verifiers.python(pristine).code == 0
    both_refuse(verifiers, pristine, 14, earlier)


def test_a_cut_log_is_found_by_what_was_seen_earlier(
    verifiers: Verifiers, stamped_input: BundleInput, pristine: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_bytes(checkpoint_of([*stamped_input.leaves, stamped_input.leaves[-1]]))
    both_refuse(verifiers, pristine, 14, earlier)


def test_what_was_seen_earlier_must_be_of_this_log(
    verifiers: Verifiers, stamped_input: BundleInput, pristine: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier"
    for checkpoint in (
        checkpoint_of(list(stamped_input.leaves[:20]), STRANGER),
        checkpoint_of(list(stamped_input.leaves[:20]), LOG_KEY, "leaktrace/other"),
    ):
        earlier.write_bytes(checkpoint)
        both_refuse(verifiers, pristine, 14, earlier)


# --- no input breaks the verifier itself ------------------------------------------------------------------------

READ = (
    "data/log/events.txt",
    "data/log/checkpoint",
    "data/handover.json",
    APPROVAL,
    ENTRIES,
    "data/timestamps/001.tsr",
    "data/timestamps/001.chain.pem",
    "data/proofs/E-0001.tlog-proof",
)
"""What verify.py takes apart; the rest it only hashes."""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(READ), st.integers(0, 10_000), st.binary(max_size=6), st.integers(0, 8))
def test_signed_bytes_of_any_kind_get_a_verdict_and_the_same_one(
    verifiers: Verifiers, pristine: Path, tmp_path: Path, name: str, place: int, put: bytes, cut: int
) -> None:
    """Only verdicts come out. What verify.py takes (a timestamp has parts that nobody signs), so does the recipe."""
    root = tmp_path / "fuzzed"
    shutil.rmtree(root, ignore_errors=True)
    forger = Forger(shutil.copytree(pristine, root))
    content = forger.read(name)
    at = place % len(content)
    forger.write(name, content[:at] + put + content[at + cut :])
    forger.reseal()
    try:
        verify.verify(root, FINGERPRINT)
    except verify.WrongError:
        return
    assert verifiers.shell(root).code == 0
    assert forger.read(name) == content or "timestamps" in name


def test_openssl_and_verify_py_judge_a_changed_token_alike(authority: Authority, tmp_path: Path) -> None:
    text = text_of(checkpoint_of([b"{}"]))
    token, chain = authority.stamp(text), verify.read_chain(authority.chain, "the chain")
    (tmp_path / "text").write_bytes(text)
    (tmp_path / "chain.pem").write_bytes(authority.chain)
    command = ["openssl", "ts", "-verify", "-in", "token", "-data", "text", "-CAfile", "chain.pem"]
    for place in range(0, len(token), 5):
        changed = token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]
        (tmp_path / "token").write_bytes(changed)
        done = subprocess.run([*command, "-untrusted", "chain.pem"], cwd=tmp_path, capture_output=True, check=False)
        try:
            verify.check_timestamp(changed, chain, text, "the token")
            accepted = True
        except verify.WrongError:
            accepted = False
        assert accepted == (done.returncode == 0), place
