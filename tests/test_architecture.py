"""The house keeps its shape: rooms do not import each other, decisions do no I/O (DESIGN 3)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import leaktrace

PACKAGE = Path(leaktrace.__file__).parent
ROOMS = ("ledger", "mailroom", "attribution", "simulate", "report", "cases", "response")
GROUND = {
    "records", "caserecords", "errors", "settings", "keys", "passphrases", "addresses", "compiled", "wording",
    "eventwords", "instants", "wholefiles", "utf8", "secretfiles",
}  # fmt: skip
"""Modules every room may stand on."""
WIRING = ("intake", "tracing", "casedesk", "noticedesk")
"""Packages that let rooms meet; each may stand on those before it."""
PURE = ("attribution",)
FORBIDDEN_IN_PURE = {
    "os",
    "pathlib",
    "sqlite3",
    "duckdb",
    "pyarrow",
    "time",
    "socket",
    "subprocess",
    "random",
    "io",
}


def imports_of(path: Path) -> set[str]:
    """Full dotted names of everything a module imports, wherever in the file it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_modules(names: set[str]) -> set[str]:
    """First component below `leaktrace` of the imports that are ours."""
    return {name.split(".")[1] for name in names if name.startswith("leaktrace.")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_stands_on_the_ground_and_on_nothing_else(room: str) -> None:
    files = sorted((PACKAGE / room).rglob("*.py"))
    assert files, room
    for path in files:
        strangers = own_modules(imports_of(path)) - GROUND - {room, "__version__"}
        assert not strangers, f"{path.relative_to(PACKAGE)} imports {strangers}"


@pytest.mark.parametrize("package", [*WIRING, "calibration"])
def test_what_wires_rooms_stands_on_what_comes_before(package: str) -> None:
    later = {"calibration": {"intake", "casedesk", "noticedesk"}}.get(package)
    if later is None:
        later = {*WIRING[WIRING.index(package) + 1 :], "calibration"}
    files = sorted((PACKAGE / package).rglob("*.py"))
    assert files, package
    for path in files:
        strangers = own_modules(imports_of(path)) & {*later, "workspace", "cli"}
        assert not strangers, f"{path.relative_to(PACKAGE)} imports {strangers}"


@pytest.mark.parametrize("module", sorted(GROUND))
def test_the_ground_knows_no_room(module: str) -> None:
    home = PACKAGE / module
    for path in sorted(home.rglob("*.py")) if home.is_dir() else [PACKAGE / f"{module}.py"]:
        strangers = own_modules(imports_of(path)) - GROUND
        assert not strangers, f"{path.relative_to(PACKAGE)} imports {strangers}"


@pytest.mark.parametrize("room", PURE)
def test_decisions_do_no_input_or_output(room: str) -> None:
    for path in sorted((PACKAGE / room).rglob("*.py")):
        touched = {name.split(".")[0] for name in imports_of(path)} & FORBIDDEN_IN_PURE
        assert not touched, f"{path.relative_to(PACKAGE)} imports {touched}"


def test_only_commands_print() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PACKAGE / "cli"):
            continue
        calls = [
            node.lineno
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        ]
        assert not calls, f"{path.relative_to(PACKAGE)} prints in lines {calls}"


def test_an_init_only_re_exports() -> None:
    for path in sorted(PACKAGE.rglob("__init__.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            assert isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.Expr | ast.If), (
                f"{path.relative_to(PACKAGE)}:{node.lineno} does more than re-export"
            )
