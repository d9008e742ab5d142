"""The documentation says what the code says: made pages are as they would be made now, links and commands exist."""

from __future__ import annotations

import ast
import dataclasses
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from docs.make import command_names, pages

import leaktrace
from leaktrace.ledger.mapping import builtin_text
from leaktrace.ledger.mapping.cloudtrail import read_cloudtrail
from leaktrace.ledger.mapping.ecs import read_ecs
from leaktrace.ledger.mapping.model import COLUMN_NAMES
from leaktrace.ledger.mapping.ocsf import read_ocsf
from leaktrace.ledger.mapping.times import NAMED_FORMATS
from leaktrace.ledger.pgaudit import PgauditOptions
from leaktrace.settings import Settings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "leaktrace"
READMES = (ROOT / "README.md", ROOT / "README.fa.md")
MARKDOWN = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
MADE = pages()
_SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands_in(path: Path) -> list[str]:
    blocks = _SHELL_BLOCK.findall(path.read_text(encoding="utf-8"))
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def tracked_files() -> list[Path]:
    """Files of the repository, also those about to be added; nothing where this is not a checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


# --- pages made from the code -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_made_page_is_as_it_would_be_made_now(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == MADE[name], f"docs/{name}: run make docs"


def test_every_setting_is_in_the_table() -> None:
    for one in dataclasses.fields(Settings):
        assert f"| `{one.name}` |" in MADE["settings.md"]
        assert str(one.metadata["help"]).replace("|", "\\|") in MADE["settings.md"]


def test_numbers_that_the_model_names_exist_and_say_what_they_are() -> None:
    known = dict(re.findall(r"^\| `([A-Z_]+)` \| .* \| ([^|]*) \|$", MADE["constants.md"], re.MULTILINE))
    assert all(known.values())
    named = set(re.findall(r"`([A-Z]{3,}(?:_[A-Z]+)*)`", (DOCS / "model.md").read_text(encoding="utf-8")))
    assert named
    assert named <= set(known)


def test_every_command_has_its_help() -> None:
    headings = _HEADING.findall(MADE["commands.md"])
    assert headings[1:] == ["leaktrace", *(name for name in command_names() if name)]


def test_the_python_example_uses_what_there_is() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", (DOCS / "formats.md").read_text(encoding="utf-8"), re.M | re.S)
    owners: dict[str, type | ModuleType] = {
        "leaktrace": leaktrace,
        "ws": leaktrace.Workspace,
        "finding": leaktrace.Finding,
    }
    used = [node for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Attribute)]
    assert len(used) >= 8
    for node in used:
        assert isinstance(node.value, ast.Name)
        assert hasattr(owners[node.value.id], node.attr), ast.unparse(node)


def test_every_option_of_the_audit_log_reader_is_explained() -> None:
    formats = (DOCS / "formats.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| .* \| .* \|$", formats.split("--option")[1].split("##")[0], re.MULTILINE) == [
        one.name for one in dataclasses.fields(PgauditOptions)
    ]


@pytest.mark.parametrize("name", ["cloudtrail", "ocsf", "ecs"])
def test_a_page_on_a_log_format_has_its_mapping_and_every_option(name: str) -> None:
    page = (DOCS / "formats" / f"{name}.md").read_text(encoding="utf-8")
    mapping = builtin_text(name)
    assert f"```toml\n{mapping}```" in page
    options = page.split("| option |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \| .* \| .* \|$", options, re.MULTILINE) == list(tomllib.loads(mapping)["options"])


@pytest.mark.parametrize(
    ("name", "read", "told"),
    [
        (
            "cloudtrail",
            read_cloudtrail,
            "`111122223333:assumed-role/Support/agent.chen` shown `name` and `email` of `C-0007`",
        ),
        (
            "ocsf",
            read_ocsf,
            "`u-101` shown `name` and `email` of `C-0007` by the tool `Shop CRM` for the ticket `T-55`",
        ),
        ("ecs", read_ecs, "`chen` shown `name` and `email` of `C-0007` by the tool `crm` for the ticket `T-55`"),
    ],
)
def test_the_sample_on_a_page_becomes_what_the_page_says(name: str, read: Any, told: str, tmp_path: Path) -> None:
    page = (DOCS / "formats" / f"{name}.md").read_text(encoding="utf-8")
    (sample,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    path = tmp_path / "sample.json"
    path.write_text(sample, encoding="utf-8")
    (row,) = read(path)
    fields = " and ".join(f"`{field}`" for field in row.fields)
    said = f"`{row.principal}` shown {fields} of `{row.customer}`"
    if row.reason:
        said += f" by the tool `{row.tool}` for the ticket `{row.reason}`"
    assert said == told
    assert f"becomes {told}." in page


def test_the_page_on_mappings_shows_the_sample_that_is_tested_and_every_key() -> None:
    page = (DOCS / "formats" / "mapping.md").read_text(encoding="utf-8")
    for sample in ("helpdesk.csv", "helpdesk.toml"):
        assert (ROOT / "tests" / "assets" / "mapping" / sample).read_text(encoding="utf-8") in page
    for key in ("path", "prefix", "after", "after_last", "before", "from", "default", "in", "not_in", "exists"):
        assert f"`{key}`" in page, key
    for column in COLUMN_NAMES:
        assert f"`[{column}]`" in page, column
    for form in NAMED_FORMATS:
        assert f'`"{form}"`' in page, form


def test_pictures_can_be_read_aloud() -> None:
    for name in ("pictures/flow.svg", "pictures/flow.fa.svg"):
        assert re.search(r'role="img" aria-labelledby="title what"', MADE[name])
        assert re.search(r"<title id=\"title\">[^<]+</title>\n<desc id=\"what\">[^<]{80,}</desc>", MADE[name])
    for readme in READMES:
        assert re.search(r"!\[[^\]]{80,}\]\(docs/pictures/flow", readme.read_text(encoding="utf-8"))


# --- commands ---------------------------------------------------------------------------------------------


def assert_exists(command: str) -> None:
    """That the command and each of its options exist; for make, that the target does."""
    words = shlex.split(command)
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = [word for word in words[1:] if "=" not in word]
        assert targets, command
        assert all(re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) for target in targets), command
        return
    if words[0] == "python":
        assert (ROOT / words[1]).is_file(), command
        return
    assert words[0] == "leaktrace", command
    known = command_names()
    rest = words[1:]
    while rest and rest[0] in {"-w", "--workspace"}:
        rest = rest[2:]
    name = " ".join(rest[:2]) if " ".join(rest[:2]) in known else " ".join(rest[:1])
    assert name in known, command
    for word in rest:
        assert word == "-" or not word.startswith("-") or word in known[name], f"{command}: {word}"


@pytest.mark.parametrize("path", [path for path in MARKDOWN if commands_in(path)], ids=name_of)
def test_shown_commands_exist(path: Path) -> None:
    for command in commands_in(path):
        assert_exists(command)


def test_pages_that_show_commands_are_looked_at() -> None:
    shown = {path.name for path in MARKDOWN if commands_in(path)}
    assert {"README.md", "README.fa.md", "tutorial.md", "tutorial-case.md", "case.md", "keys.md"} <= shown


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    for wrong in ("leaktrace frobnicate", "leaktrace -w x trace c-1 --frobnicate", "make frobnicate", "frobnicate"):
        with pytest.raises(AssertionError):
            assert_exists(wrong)


def test_the_two_commands_come_first() -> None:
    assert commands_in(READMES[0])[:2] == ["make demo", "make test"]


def test_both_readmes_have_the_same_commands_in_the_same_order() -> None:
    english, persian = (path.read_text(encoding="utf-8") for path in READMES)
    assert _CODE_BLOCK.findall(english) == _CODE_BLOCK.findall(persian)
    assert len(_CODE_BLOCK.findall(english)) == 3
    spans = re.compile(r"`([^`\n]+)`")
    assert spans.findall(_CODE_BLOCK.sub("", english)) == spans.findall(_CODE_BLOCK.sub("", persian))


def test_the_persian_readme_runs_right_to_left_and_its_code_left_to_right() -> None:
    text = READMES[1].read_text(encoding="utf-8")
    assert text.startswith('<div dir="rtl" lang="fa">\n')
    assert text.rstrip().endswith("</div>")
    assert len(re.findall(r'<div dir="ltr">\n\n```sh\n', text)) == len(_CODE_BLOCK.findall(text))
    assert text.count("<div") == text.count("</div>")


# --- links and names ----------------------------------------------------------------------------------------


def anchors_of(path: Path) -> set[str]:
    headings = _HEADING.findall(_CODE_BLOCK.sub("", path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", MARKDOWN, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for link in _LINK.findall(_CODE_BLOCK.sub("", path.read_text(encoding="utf-8"))):
        assert "://" not in link, f"{link}: nothing here depends on another site"
        target, _, anchor = link.partition("#")
        found = (path.parent / target).resolve() if target else path
        assert found.is_relative_to(ROOT), link
        assert found.exists(), link
        assert not anchor or anchor in anchors_of(found), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [READMES[0]]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        for link in _LINK.findall(_CODE_BLOCK.sub("", path.read_text(encoding="utf-8"))):
            target = (path.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target not in seen:
                waiting.append(target)
    measured = {path for path in MARKDOWN if path.parent.name == "benchmarks"}
    assert set(MARKDOWN) - measured <= seen


@pytest.mark.parametrize("path", MARKDOWN, ids=name_of)
def test_named_files_and_tests_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for named in re.findall(r"`((?:tests|src|docs)/[\w./-]+)`", text):
        assert (ROOT / named).exists(), named
    tests = "\n".join(one.read_text(encoding="utf-8") for one in sorted((ROOT / "tests").rglob("test_*.py")))
    for named in re.findall(r"`(Test[A-Z]\w+)`", text):
        assert f"class {named}:" in tests, named


def texts_of(path: Path) -> Iterator[str]:
    """String constants of a module, joined pieces as one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_pages_that_errors_point_to_exist() -> None:
    named = {
        page
        for path in SOURCE.rglob("*.py")
        for text in texts_of(path)
        for page in re.findall(r"docs/[\w./-]+\w", text)
    }
    assert "docs/settings.md" in named
    assert all((ROOT / page).is_file() for page in named), named


def test_settings_that_pages_name_exist() -> None:
    known = {one.name for one in dataclasses.fields(Settings)}
    units = ("_probability", "_days", "_seconds", "_bytes", "_megabytes")
    for path in set(MARKDOWN) - {DOCS / "formats.md"}:
        for word in re.findall(r"`([a-z_]+)`", path.read_text(encoding="utf-8")):
            assert not word.endswith(units) or word in known, f"{name_of(path)}: {word}"


# --- what no file may hold ----------------------------------------------------------------------------------


def test_nobody_is_called_names() -> None:
    forbidden = re.compile("|".join(("culp" + "rit", "guil" + "ty", "hack" + "er")), re.IGNORECASE)
    for path in [*MARKDOWN, *SOURCE.rglob("*.py"), *SOURCE.rglob("*.j2"), *DOCS.rglob("*.py")]:
        found = forbidden.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{name_of(path)}: {found.group()}"


def test_no_file_names_a_registry_or_a_machine() -> None:
    hosts = (
        "py" + "pi.org",
        "python" + "hosted",
        "index" + "-url",
        "jfrog" + ".io",
        "art" + "ifactory",
        "npm" + "js.org",
    )
    homes = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/")
    found = re.compile("|".join(re.escape(word) for word in hosts) + r"|(?<![\w.$}~/\-])(?:" + "|".join(homes) + r")\w")
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        match = found.search(text)
        assert match is None, f"{name_of(path)}: {match.group()}"
