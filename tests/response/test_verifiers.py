"""Both verifiers take what is right, and say what they cannot know."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from leaktrace.response import bundle
from leaktrace.response.bundle import BundleInput, grouped
from tests.response.conftest import Verifiers
from tests.response.corruptions import drop_tag_manifest
from tests.response.forging import Forger, write_bundle
from tests.response.made_cases import FINGERPRINT, made_input


def test_both_accept_the_pristine_bundle(verifiers: Verifiers, pristine: Path) -> None:
    for verdict in (verifiers.python(pristine), verifiers.shell(pristine)):
        assert (verdict.code, verdict.check) == (0, None), verdict.said
        assert verdict.said.rstrip().endswith("OK")
        assert FINGERPRINT in verdict.said


def test_without_a_key_neither_says_whose_it_is(verifiers: Verifiers, pristine: Path) -> None:
    for verdict in (verifiers.python(pristine, key=None), verifiers.shell(pristine, key=None)):
        assert verdict.code == 3, verdict.said
        assert "INTACT, ORIGIN UNPROVEN" in verdict.said
        assert "OK" not in verdict.said.split()


def test_a_fingerprint_is_taken_as_it_is_read_out(verifiers: Verifiers, pristine: Path) -> None:
    spoken = grouped(FINGERPRINT).upper().replace(" ", ": ")
    for verdict in (verifiers.python(pristine, key=spoken), verifiers.shell(pristine, key=spoken)):
        assert verdict.code == 0, verdict.said


def test_another_fingerprint_is_refused_by_both(verifiers: Verifiers, pristine: Path) -> None:
    for verdict in (verifiers.python(pristine, key="0" * 64), verifiers.shell(pristine, key="0" * 64)):
        assert (verdict.code, verdict.check) == (1, 6), verdict.said


def test_bad_usage_is_not_a_verdict(verifiers: Verifiers, pristine: Path, tmp_path: Path) -> None:
    assert verifiers.script_alone(pristine, "--key", "not a fingerprint").code == 2
    assert verifiers.script_alone(tmp_path / "missing").code == 2
    assert verifiers.script_alone(pristine, "--checkpoint", str(tmp_path / "missing")).code == 2
    assert verifiers.script_alone(tmp_path).code == 1  # an empty folder is a folder, and no bundle
    assert verifiers.shell(pristine, key="not a fingerprint").code == 2
    assert verifiers.shell(tmp_path / "missing").code == 2
    assert verifiers.shell(pristine, earlier=tmp_path / "missing").code == 2


def test_the_script_runs_alone(verifiers: Verifiers, pristine: Path) -> None:
    done = verifiers.script_alone(pristine, "--key", FINGERPRINT)
    assert done.code == 0, done.said


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_the_recipe_is_taken_out_of_its_page_as_the_page_says(line_end: str, pristine: Path, tmp_path: Path) -> None:
    """Fetched by Windows the page ends its lines otherwise: an empty recipe would end with 0, as if all held."""
    page = (pristine / "VERIFY.md").read_text(encoding="utf-8")
    (tmp_path / "VERIFY.md").write_bytes(page.replace("\n", line_end).encode())
    commands = page[page.index("or run them at once:") :].split("\n\n")[1]
    given = commands.replace("1a2b 3c4d …", FINGERPRINT).replace("BAG=evidence", f"BAG={pristine}")
    assert given.count(FINGERPRINT) == given.count(str(pristine)) == 1
    done = subprocess.run(["sh", "-c", given], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.rstrip().splitlines()[-1]) == (0, "OK"), done


def test_the_script_says_which_python_it_needs(pristine: Path) -> None:
    """On an older one, which has no `datetime.UTC`, it is no traceback."""
    older = "import datetime, runpy, sys; del datetime.UTC; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])"
    command = [sys.executable, "-I", "-c", older, str(pristine / "verify.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("verify.py needs Python 3.11 or later")
    assert "Traceback" not in done.stderr


def test_both_say_which_file_lies_beside_the_bag(verifiers: Verifiers, copy: Path) -> None:
    """As Windows leaves on a stick."""
    (copy / "desktop.ini").write_bytes(b"[.ShellClassInfo]\r\n")
    for verdict in (verifiers.python(copy), verifiers.shell(copy)):
        assert (verdict.code, verdict.check) == (1, 4)
        assert "desktop.ini" in verdict.said


def test_the_script_in_the_bundle_is_the_published_one(pristine: Path) -> None:
    home = Path(bundle.__file__).parent / "verifier"
    for name in ("verify.py", "VERIFY.md"):
        assert (pristine / name).read_bytes() == (home / name).read_bytes()


def test_the_script_uses_the_standard_library_and_cryptography_only() -> None:
    tree = ast.parse((Path(bundle.__file__).parent / "verifier" / "verify.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= {*sys.stdlib_module_names, "cryptography"}


def test_what_is_not_disclosed_is_counted(verifiers: Verifiers, stamped_input: BundleInput, tmp_path: Path) -> None:
    shown = tuple(one for one in stamped_input.events if one.entry.kind != "NoteAdded")
    root = write_bundle(replace(stamped_input, events=shown), tmp_path / "bundle")
    assert "1 events of the case are in the log but not disclosed" in verifiers.python(root).said
    assert "1 of the case not" in verifiers.shell(root).said


def test_a_log_of_several_tiles_verifies_in_both(verifiers: Verifiers, tmp_path: Path) -> None:
    """More than 256 entries: full tiles, a partial one, and a second level."""
    root = write_bundle(made_input(foreign=560), tmp_path / "bundle")
    for verdict in (verifiers.python(root), verifiers.shell(root)):
        assert verdict.code == 0, verdict.said
    assert (root / "data/log/tile/1/000.p/2").stat().st_size == 64


def test_bagit_calls_it_valid(pristine: Path, judge: Callable[..., int]) -> None:
    assert judge("bagit.py", "--validate", "--quiet", str(pristine)) == 0


def test_bagit_takes_what_the_signature_does_not(copy: Path, judge: Callable[..., int]) -> None:
    """Why there is a signature over both manifests and the tag files: without the tag manifest it is a valid bag."""
    drop_tag_manifest(Forger(copy))
    assert judge("bagit.py", "--validate", "--quiet", str(copy)) == 0
