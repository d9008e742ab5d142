"""One pristine bundle for all tests, with a real timestamp, and both verifiers as outsiders run them."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from leaktrace.response.bundle import BundleInput, TimestampToken, published
from tests.response.forging import Authority, write_bundle
from tests.response.made_cases import FINGERPRINT, made_input, text_of

TOOLS = {"openssl": "openssl", "xxd": "xxd", "sha256sum": "coreutils"}
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Verdict:
    """What a verifier said: exit code, and the number of the check that failed."""

    code: int
    said: str

    @property
    def check(self) -> int | None:
        found = re.search(r"^WRONG: \[(\d+)\]", self.said, re.MULTILINE)
        return int(found.group(1)) if found else None


@dataclass(frozen=True)
class Verifiers:
    """verify.py and the recipe of VERIFY.md, as published."""

    script: Path
    recipe: Path
    main: Callable[[list[str]], int]
    """Of the script, loaded from its file."""

    def python(self, root: Path, key: str | None = FINGERPRINT, earlier: Path | None = None) -> Verdict:
        """In this process: starting an interpreter takes longer than verifying."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = self.main(self._arguments(root, key, earlier))
        return Verdict(code, said.getvalue())

    def script_alone(self, root: Path, *options: str) -> Verdict:
        """As an outsider runs it; -I: neither the environment nor the working folder can lend it our code."""
        return self._run([sys.executable, "-I", str(self.script), str(root), *options], {})

    def shell(self, root: Path, key: str | None = FINGERPRINT, earlier: Path | None = None) -> Verdict:
        asked = {"BAG": str(root), "KEY": key or "", "EARLIER": str(earlier or "")}
        return self._run(["sh", str(self.recipe)], {"PATH": os.environ["PATH"], **asked})

    def _arguments(self, root: Path, key: str | None, earlier: Path | None) -> list[str]:
        return [str(root), *(["--key", key] if key else []), *(["--checkpoint", str(earlier)] if earlier else [])]

    def _run(self, command: list[str], environment: dict[str, str]) -> Verdict:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
        return Verdict(done.returncode, done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace"))


def main_of(script: Path) -> Callable[[list[str]], int]:
    spec = importlib.util.spec_from_file_location("published_verify", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    main: Callable[[list[str]], int] = module.main
    return main


@pytest.fixture(scope="session")
def outside_tools() -> None:
    """Skips where a program that the recipe runs is missing; on the build machine that is a failure."""
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            if os.environ.get("CI") == "true":
                pytest.fail(f"the Debian package {package} is missing; make system-deps installs it")
            pytest.skip(f"the Debian package {package} is missing")


@pytest.fixture(scope="session")
def verifiers(outside_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Verifiers:
    folder = tmp_path_factory.mktemp("verifiers")
    (folder / "verify.py").write_bytes(published("verify.py"))
    (folder / "check.sh").write_text("".join(_BLOCK.findall(published("VERIFY.md").decode())), encoding="utf-8")
    return Verifiers(folder / "verify.py", folder / "check.sh", main_of(folder / "verify.py"))


@pytest.fixture(scope="session")
def authority(outside_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "one", "One")


@pytest.fixture(scope="session")
def stamped_input(authority: Authority) -> BundleInput:
    given = made_input()
    return replace(given, tokens=(TimestampToken(authority.stamp(text_of(given.checkpoint)), authority.chain),))


@pytest.fixture(scope="session")
def pristine(stamped_input: BundleInput, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(stamped_input, tmp_path_factory.mktemp("pristine") / "bundle")


@pytest.fixture
def copy(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "bundle")


@pytest.fixture(scope="session")
def judge() -> Callable[..., int]:
    """Runs a program by others that judges what we write, and gives its exit code."""
    default = Path(__file__).parents[2] / ".venv-judges" / "bin"
    folder = Path(os.environ.get("LEAKTRACE_JUDGES", default))

    def run(program: str, *arguments: str) -> int:
        if not (folder / program).exists():
            if os.environ.get("CI") == "true":
                pytest.fail(f"{program} is missing; make setup installs it")
            pytest.skip(f"{program} is missing; make setup installs it")
        command = [str(folder / "python"), str(folder / program), *arguments]
        return subprocess.run(command, capture_output=True, check=False, timeout=300).returncode

    return run
