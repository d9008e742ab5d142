"""The page on duties: made from the rule files, so that it says what they say."""

from __future__ import annotations

from collections.abc import Iterable

from leaktrace.response.duties import DISCLAIMER, FACTS, Law, Rule, builtin_laws
from leaktrace.response.duties.facts import field_kinds
from leaktrace.response.duties.syntax import facts_of, write

_TOLD = {
    "authority": "authority",
    "persons": "persons",
    "record": "own files",
    "assessment": "own assessment",
}


def duties_page(made: str) -> str:
    """The page; `made` says that it is made."""
    laws = builtin_laws()
    return "\n".join(
        [
            f"# Duties\n\n{made}\n**{DISCLAIMER}**\n",
            _USE,
            "## What is asked of whom, by when\n",
            _overview(laws),
            "## What a person answers\n",
            _FACTS,
            _table(("fact", "a yes means"), ((f"`{name}`", meaning) for name, meaning in FACTS.items())),
            _KINDS,
            _table(("kind", "names"), _kinds()),
            _RULES,
            "## The rules\n",
            *(_law(law) for law in laws),
        ]
    )


def _overview(laws: Iterable[Law]) -> str:
    return _table(
        ("law", "article", "told", "from", "clock", "checked by a lawyer"),
        (
            (
                law.place,
                f"{rule.article} (`{rule.id}`)",
                _TOLD[rule.told],
                rule.start.replace("_", " "),
                str(rule.clock),
                law.checked_on.isoformat() if law.checked_on else "no",
            )
            for law in laws
            for rule in law.rules
        ),
    )


def _kinds() -> Iterable[tuple[str, str]]:
    kinds: dict[str, list[str]] = {}
    for name, kind in field_kinds().items():
        kinds.setdefault(kind, []).append(f"`{name}`")
    return ((f"`{kind}`", ", ".join(names)) for kind, names in kinds.items())


def _law(law: Law) -> str:
    valid = f"from {law.valid_from.isoformat()}" + (f" to {law.valid_to.isoformat()}" if law.valid_to else "")
    lines = [
        f"### {law.place}: {law.law}\n",
        f"Residences: {', '.join(law.residences)}. In force {valid}. Whose data count: `{write(law.covers)}`. "
        f"Days end in {law.time_zone}. Source: {law.source}.\n",
    ]
    return "\n".join([*lines, *(_rule(rule) for rule in law.rules)])


def _rule(rule: Rule) -> str:
    parts = [f"- **{rule.article}** (`{rule.id}`), to {rule.recipient}: {rule.asks} When: `{write(rule.trigger)}`."]
    parts.append(f"  {rule.basis}")
    parts += [
        f"  Presumed while nobody answers: `{one.fact}` is {'yes' if one.value else 'no'} where `{write(one.when)}`: "
        f"{one.because}"
        for one in rule.presume
    ]
    if rule.required_content:
        parts.append(f"  Has to say: {'; '.join(rule.required_content)}.")
    if rule.forbidden_content:
        parts.append(f"  Must not say: {', '.join(what.replace('_', ' ') for what in rule.forbidden_content)}.")
    if rule.channels:
        parts.append(f"  Channel: {' '.join(rule.channels)}")
    if rule.quotation:
        parts.append(f"  The text says: “{rule.quotation}”.")
    asked = facts_of(rule.trigger)
    if asked:
        parts.append(f"  A person is asked for: {', '.join(f'`{name}`' for name in asked)}.")
    return "\n".join(parts) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


_USE = """`leaktrace duties CASE` judges every rule on the case's frozen exposure list: how many persons of which
residence, with which fields shown to whom is suspected. The answers become an exhibit of the case. Without a case:
`leaktrace duties --facts facts.json`.

```json
{
  "schema": "leaktrace.duty-facts/1",
  "groups": [
    {"residence": "DE", "fields": ["email"], "count": 412},
    {"residence": "US-CA", "fields": ["email", "password_hash"], "count": 3},
    {"residence": null, "fields": ["email"], "count": 7}
  ],
  "fields_complete": true,
  "answers": {"insider": true, "significant_incident": false},
  "moments": {"noticed": "2026-11-27T08:00:00+00:00", "aware": "2026-11-27T09:00:00+00:00"}
}
```

A group is persons of one residence whose same fields were shown; a person is in one group. `fields_complete` says
whether the log shows every field that was seen; where it is false or missing, a field that is not in a group may be
out all the same, and an answer that hangs on it needs a human. `moments`: occurred, noticed, aware, determined,
persons_told, reported; `--aware` and the other options set them too. One that has not come yet is refused.
`--fact NAME=yes` answers a fact. `--html FILE` writes a page. Exit 3 while something is owed or open, or no rule is
known of where somebody lives.

| answer | means |
|---|---|
| `yes`, `no` | by a rule that a lawyer checked within the last year |
| `probably_yes`, `probably_no` | by a rule that nobody checked: a human has to |
| `needs_a_human` | a fact is missing that only a person can give, or the log cannot show it |

- **Unknown residence.** Such persons may be covered by every law, or by those of `"markets": ["DE", "US"]` (`--market`)
  where the facts say where the company has customers; the strictest reading is taken, and the answer says that it
  hangs on it. Residents of `US` may live in any of its states. A code that ISO 3166 gives to no country (`EU`, `XX`),
  or to no state (`US-XX`), is a residence that is not known.
- **Parts with a code of their own.** Outermost regions (`RE`, `GP`, `GF`, `MQ`, `YT`, `MF`) and Åland (`AX`) are of the
  Union; overseas countries and territories (`FR-PF`, `FR-NC`, `NL-CW` and the like) are not, and are told as residences
  of their own (`PF`). In the French ones the French law asks what the Regulation asks, and a notice has its form; of
  the others no rule is known.
- **No rule known.** The rules below know the laws of some countries only. For each other residence it is said, of how
  many, that no rule is known and counsel has to be asked (`without_rule` in JSON): the list is not complete then,
  however it looks. So it is for a market where persons of unknown residence may live, and for `US`, of which only some
  states have a rule. A law that is not in force yet counts as none.
- **Unknown fields.** A field that the log does not show is missing only where the log shows every field. A field
  whose name is in no list below is never taken for harmless.
- **Presumptions** stand in the rules with their reason, and a person's answer beats them.
- **Clocks.** Hours run on through nights, weekends and changes to summer time. Days and months end at midnight at the
  place of the law; the first day is not counted; a last day on a holiday is not moved on, although some laws do: the
  earlier date is the safe one. Business days skip weekends and the holidays of the calendar that the rule names.
- **Before a list is frozen** some clocks run already (six hours, a day). Then write down what is known in a facts file,
  with `fields_complete` false, and judge that. In a case, where nobody says when the company became aware, the opening
  of the case counts: then, at the latest, it was.
- **Stale rules.** A rule past its last day, or whose check is older than a year, is treated as unchecked and says so.
"""

_FACTS = "A fact that nobody answers is not known; that is never the same as no.\n"

_KINDS = "Fields are judged by kind. Names of fields in logs and tables count as these kinds:\n"

_RULES = """Why it is so: [decision 22](adr/0022-duties-containment-statement.md).

## Writing rules

One TOML file a law; `--rules FOLDER` takes a folder of them instead of those that come with the program. Every key is
needed: a file that leaves one out is refused. `checked_on` is the day a lawyer checked the file and stays empty until
one did; whoever changes a rule empties it. A quotation may stand only where `text_at_hand` is true.

A condition (`covers`, `trigger`, `when`) is made of `always`, `never`, facts, `fields has any ("email", …)`, `fields
has all (…)`, `fields only (…)`, `count >= 500`, `residents("US-CA") > 500`, `and`, `or`, `not` and brackets. `covers`
is asked of each group by itself, so that `fields has all ("email", "password")` means both of one person; `count` is
the number of persons for whom it holds. There is nothing else in the language: no arithmetic, no calls.
"""
