"""A mapping that is wrong is refused with its place; the built-in ones can be read."""

from __future__ import annotations

import pytest

from leaktrace.errors import UsageError
from leaktrace.ledger.mapping import builtin_text, mapping_from_text

WHO = '[principal]\npath = "who"\n'
AT = '[at]\npath = "t"\n'
CUSTOMER = '[customer]\npath = "c"\n'
SCHEMA = 'schema = "leaktrace.mapping/1"\n'
GOOD = SCHEMA + AT + WHO + CUSTOMER


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema = ", "it is not TOML"),
        (AT + WHO + CUSTOMER, "it does not say schema"),
        (SCHEMA + WHO + CUSTOMER, "it does not say where the time is"),
        (SCHEMA + AT + CUSTOMER, "it does not say who the principal is"),
        (SCHEMA + AT + WHO, "it does not say which customer was opened"),
        (SCHEMA + "[at]\n" + WHO + CUSTOMER, "at: it has neither a path nor a default"),
        (GOOD.replace('path = "t"', 'path = "t"\ndefault = "2026-01-01T00:00:00Z"'), "at: a time has no default"),
        (SCHEMA + "at = 5\n" + WHO + CUSTOMER, "at is not a table"),
        (GOOD + "[colour]\n", "the mapping has 'colour', which means nothing"),
        (GOOD + '[fields]\npath = "f"\nnmes = {}\n', "fields has 'nmes', which means nothing"),
        (GOOD + '[fields]\npath = "f["\n', "fields: path is no path"),
        (GOOD + "[fields]\npath = 5\n", "fields: path is no text"),
        (GOOD + "[fields]\n", "fields: it has neither a path nor a default"),
        (GOOD + '[tool]\nfrom = [{ path = "a", colour = 1 }]\n', "tool, from 1 has 'colour'"),
        (GOOD + '[tool]\nfrom = "a"\n', "tool: from is a list"),
        (GOOD + '[tool]\npath = "{nothing}"\n', "tool names the option 'nothing'"),
        (GOOD.replace('path = "t"', 'path = "t"\nformat = "unix"'), "at: format is no time format"),
        (GOOD.replace('path = "t"', 'path = "t"\nformat = "%Y-%m-%d"'), "at: the format has no zone"),
        (GOOD.replace('path = "t"', 'path = "t"\nzone = "Mars/Olympus"'), "at: there is no such zone"),
        (GOOD.replace('path = "t"', 'path = "t"\nzone = "../../etc/passwd"'), "at: there is no such zone"),
        (GOOD + '[[rule]]\nbulk = "sometimes"\n', "rule 1: bulk is none of"),
        (GOOD + '[[rule]]\nwhen = [{ path = "a" }]\n', "rule 1, when 1: it says not exactly one of"),
        (GOOD + '[[rule]]\nwhen = [{ in = ["a"] }]\n', "rule 1, when 1: it has no path"),
        (GOOD + '[[rule]]\nwhen = "a"\n', "rule 1: when is no list"),
        (GOOD + '[[skip]]\npath = "a"\nexists = "yes"\n', "skip 1: exists is neither true nor false"),
        (GOOD + '[csv]\ndelimiter = ";;"\n', "csv: the delimiter is not one character"),
        (SCHEMA + 'input = "xml"\n' + AT + WHO + CUSTOMER, "the mapping: input is none of"),
        (SCHEMA + 'records = "a["\n' + AT + WHO + CUSTOMER, "the mapping: records holds no path"),
        (SCHEMA + "options = 5\n" + AT + WHO + CUSTOMER, "options is not a table"),
        (GOOD + "[options]\na = 5\n", "the option 'a' is no text"),
        ("a = " + "[" * 100_000, "it is not TOML"),
        ("#" * 1_000_001, "larger than"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said_with_its_place(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        mapping_from_text(text, {}, "m.toml")
    assert caught.value.message.startswith("m.toml: ")
    assert words in caught.value.message
    assert caught.value.hint


def test_an_option_that_the_mapping_does_not_have_is_named() -> None:
    with pytest.raises(UsageError, match="there is no option 'colour'"):
        mapping_from_text(GOOD, {"colour": "red"}, "m.toml")


@pytest.mark.parametrize("name", ["cloudtrail", "ocsf", "ecs"])
def test_the_built_in_mappings_can_be_read_and_copied(name: str) -> None:
    mapping = mapping_from_text(builtin_text(name), {}, name)
    assert all({"at", "principal"} <= set(rule.columns) for rule in mapping.rules)
    assert mapping.require
