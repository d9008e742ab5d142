"""`leaktrace duties` without a case: facts in, answers out as JSON, words and a page; bad facts are a sentence."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from leaktrace.cli import duties
from leaktrace.errors import ResponseError, UsageError
from leaktrace.eventwords import event_sentence
from leaktrace.response.duties import assess_case, builtin_laws
from tests.response.duty_samples import NOW
from tests.response.fakes_response import Diary
from tests.response.test_duty_judge import exposure

FACTS = {
    "schema": "leaktrace.duty-facts/1",
    "groups": [
        {"residence": "DE", "fields": ["email"], "count": 412},
        {"residence": "IN", "fields": ["email"], "count": 3},
    ],
    "fields_complete": True,
    "answers": {"insider": True},
    "moments": {"aware": "2026-11-27T09:00:00+00:00"},
}


def program() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    duties.register(app)
    return app


def run(*arguments: str) -> Any:
    return CliRunner().invoke(program(), ["duties", *arguments], standalone_mode=False)


def facts_file(folder: Path, **changes: Any) -> Path:
    path = folder / "facts.json"
    path.write_text(json.dumps({**FACTS, **changes}), encoding="utf-8")
    return path


def test_answers_as_json(tmp_path: Path) -> None:
    done = run("--facts", str(facts_file(tmp_path)), "--noticed", "2026-11-27T10:00+05:30", "--json")
    assert done.return_value == 3, done.output
    document = json.loads(done.stdout)
    assert set(document) == {
        *("assessed_at", "rules_digest", "duties", "strictest_for_unknown", "notes", "without_rule"),
        *("exposure_sha256", "disclaimer", "schema"),
    }
    by_rule = {one["rule"]: one for one in document["duties"]}
    assert by_rule["in-certin-report"]["answer"] == "probably_yes"
    assert by_rule["in-certin-report"]["deadline"]["due_at"] == "2026-11-27T10:30:00Z"
    assert by_rule["eu-gdpr-33"]["deadline"]["due_at"] == "2026-11-30T09:00:00Z"
    assert "no legal advice" in document["disclaimer"]


def test_answers_in_words_say_first_that_they_are_no_advice(tmp_path: Path) -> None:
    done = run("--facts", str(facts_file(tmp_path)), "--fact", "significant_incident=no")
    assert done.return_value == 3
    words = " ".join(done.stdout.split())
    assert "<U+" not in words
    assert words.index("no legal advice") < words.index("PROBABLY YES")
    assert "GDPR" in words


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name in {"src", "href"} and value and not value.startswith("#") for name, value in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_stands_alone(tmp_path: Path) -> None:
    page = tmp_path / "duties.html"
    assert run("--facts", str(facts_file(tmp_path)), "--html", str(page), "--json").return_value == 3
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert not reader.tags & {"script", "img", "link", "iframe"}
    assert "no legal advice" in reader.text
    assert "CERT-In" in reader.text


NO_RULE = [{"residence": "CH", "fields": ["email"], "count": 500}, {"residence": "TR", "fields": ["email"], "count": 1}]


def test_a_residence_without_a_rule_is_told_and_is_never_done(tmp_path: Path) -> None:
    page = tmp_path / "duties.html"
    facts = str(facts_file(tmp_path, groups=NO_RULE))
    done = run("--facts", facts, "--html", str(page))
    assert done.return_value == 3, done.output
    told = ("For 500 persons in CH no rule is known here: ask counsel.", "For 1 person in TR no rule is known here")
    for text in (" ".join(done.stdout.split()), page.read_text(encoding="utf-8")):
        assert all(sentence in text for sentence in told)
        assert "every residence is known" not in text
    as_json = run("--facts", facts, "--json")
    assert as_json.return_value == 3
    found = json.loads(as_json.stdout)["without_rule"]
    assert [(one["residence"], one["count"]) for one in found] == [("CH", 500), ("TR", 1)]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], UsageError),
        (["C-1", "--facts", "x.json"], UsageError),
        (["--facts", "facts.json", "--fact", "guessed=yes"], UsageError),
        (["--facts", "facts.json", "--fact", "high_risk=perhaps"], UsageError),
        (["--facts", "facts.json", "--fact", "high_risk=yes", "--fact", "high_risk=no"], UsageError),
        (["--facts", "facts.json", "--aware", "yesterday"], ResponseError),
        (["--facts", "facts.json", "--rules", "nowhere"], ResponseError),
        (["--facts", "broken.json"], UsageError),
        (["--facts", "facts.json", "--aware", "2131-12-01T09:00+00:00"], ResponseError),
    ],
)
def test_a_bad_call_is_a_sentence(
    arguments: list[str], error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    facts_file(tmp_path)
    Path("broken.json").write_bytes(b"{\xff")
    assert isinstance(run(*arguments).exception, error)


@pytest.mark.parametrize("written", ["2026-11-27 09:00", "27.11.2026", "2026-11-27"])
def test_a_time_that_is_none_is_told_how_it_is_written(written: str, tmp_path: Path) -> None:
    error = run("--facts", str(facts_file(tmp_path)), "--aware", written).exception
    assert isinstance(error, ResponseError)
    assert error.hint == "Write it with the offset, as 2026-11-27T09:00+01:00. docs/duties.md has the format."


def test_a_fact_that_is_nearly_right_gets_the_closest_name(tmp_path: Path) -> None:
    error = run("--facts", str(facts_file(tmp_path)), "--fact", "high_risks=yes").exception
    assert isinstance(error, UsageError)
    assert error.hint.startswith("Did you mean 'high_risk'? Facts are: ")
    error = run("--facts", str(facts_file(tmp_path)), "--fact", "high_risk=maybe").exception
    assert isinstance(error, UsageError)
    assert error.hint == "Write high_risk=yes or high_risk=no."


def test_what_was_answered_is_an_exhibit_and_an_event() -> None:
    diary = Diary(NOW)
    listed = exposure("yes", ("c1", ("email",), "DE", ()))
    found = assess_case(
        "CASE-1", listed, diary, builtin_laws(), NOW, fields_complete=None, answers={}, moments={"aware": NOW}
    )
    stored, assessed = diary.events("CASE-1")
    assert assessed.answers["eu-gdpr-33"] == "probably_yes"
    assert assessed.rules_digest == found.rules_digest
    kept = json.loads(diary.exhibits[stored.exhibit])
    assert kept["facts"]["groups"] == [{"count": 1, "fields": ["email"], "residence": "DE"}]
    assert "c1" not in diary.exhibits[stored.exhibit].decode()  # counts, no customer


def test_a_case_says_of_whom_no_rule_is_known() -> None:
    diary = Diary(NOW)
    listed = exposure("yes", ("c1", ("email",), "TR", ()), ("c2", ("email",), "DE", ()))
    assess_case("CASE-1", listed, diary, builtin_laws(), NOW, fields_complete=None, answers={}, moments={"aware": NOW})
    stored, assessed = diary.events("CASE-1")
    assert assessed.without_rule() == ("TR",)
    kept = json.loads(diary.exhibits[stored.exhibit])["assessment"]
    assert [one["residence"] for one in kept["without_rule"]] == ["TR"]
    laws = sum(len(law.rules) for law in builtin_laws())
    said = event_sentence(assessed)
    assert said == f"{laws} laws asked; answers are E-0001. No rule is known for who lives in TR: ask counsel."


def test_a_list_without_anybody_is_no_answer() -> None:
    """Nobody suspected: that does not show that nobody's data is out, so no law is answered with no."""
    diary = Diary(NOW)
    with pytest.raises(ResponseError, match="does not show whose data is out"):
        assess_case(
            "K-1",
            exposure("cannot_be_said"),
            diary,
            builtin_laws(),
            NOW,
            fields_complete=True,
            answers={},
            moments={"aware": NOW},
        )
    assert not diary.recorded
    assert not diary.exhibits
