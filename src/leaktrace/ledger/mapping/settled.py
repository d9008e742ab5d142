"""Tables of a mapping with their options filled in: each reading of a value checks its kind and names its place."""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from leaktrace.errors import UsageError
from leaktrace.ledger.mapping.paths import Path, parse_path

_Choice = TypeVar("_Choice")
_OPTION = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Asked:
    """The file that is read and the options that were asked for."""

    place: str
    options: Table[str, Sequence[str]]

    def table(self, value: Any, where: str, known: Sequence[str]) -> Settled:
        """A table that has no other keys than these."""
        if not isinstance(value, dict):
            raise UsageError(f"{self.place}: {where} is not a table.", "See docs/formats/mapping.md.")
        strange = sorted(set(value) - set(known))
        if strange:
            raise UsageError(
                f"{self.place}: {where} has '{strange[0]}', which means nothing.", f"It may have: {', '.join(known)}."
            )
        return Settled(self, where, value)

    def nested(self, value: Any, where: str) -> Settled:
        """A table whose keys are checked by whoever reads it."""
        return self.table(value, where, tuple(value) if isinstance(value, dict) else ())

    def filled(self, text: str, where: str) -> list[str]:
        """The text with its options filled in: one text, or one for each value of an option that is a list."""
        found = [text]
        for name in dict.fromkeys(_OPTION.findall(text)):
            if name not in self.options:
                raise UsageError(
                    f"{self.place}: {where} names the option '{name}', which [options] does not have.",
                    "Declare it there with its default.",
                )
            found = [one.replace(f"{{{name}}}", value) for one in found for value in self.options[name]]
        return found


@dataclass(frozen=True, slots=True)
class Settled:
    """One table of a mapping."""

    asked: Asked
    where: str
    values: dict[str, Any]

    def wrong(self, what: str, hint: str) -> UsageError:
        """What is wrong with this table."""
        return UsageError(f"{self.asked.place}: {self.where}: {what}.", hint)

    def get(self, name: str, default: Any = None) -> Any:
        """The value as TOML has it."""
        return self.values.get(name, default)

    def texts(self, name: str) -> tuple[str, ...]:
        """A text or a list of texts, options filled in; empty where there is none."""
        value = self.values.get(name, [])
        listed = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in listed):
            raise self.wrong(f"{name} is no text and no list of texts", "Put it in quotes.")
        return tuple(text for item in listed for text in self.asked.filled(item, self.where))

    def paths(self, name: str) -> tuple[Path, ...]:
        """A path or a list of paths; empty where there is none. The empty path is the record itself."""
        found = []
        for text in self.texts(name):
            path = parse_path(text)
            if path is None:
                raise self.wrong(f"{name} holds no path", "A path is like user.name or Records[*].")
            found.append(path)
        return tuple(found)

    def text(self, name: str) -> str:
        """One text, options filled in; empty where there is none."""
        found = self.texts(name)
        if len(found) > 1:
            raise self.wrong(f"{name} is more than one text", "Say one.")
        return found[0] if found else ""

    def choice(self, name: str, choices: Table[str, _Choice], default: str) -> _Choice:
        """One of these words."""
        word = self.text(name) or default
        if word not in choices:
            raise self.wrong(f"{name} is none of {', '.join(choices)}", "Say one of them.")
        return choices[word]

    def inner(self, name: str, known: Sequence[str]) -> Settled:
        """The table below a name; empty where there is none."""
        where = f"{self.where}, {name}" if self.where != "the mapping" else name
        return self.asked.table(self.values.get(name, {}), where, known)

    def words(self, name: str) -> dict[str, str]:
        """A table of text to text."""
        table = self.inner(name, tuple(self.values.get(name, {}) if isinstance(self.values.get(name), dict) else ()))
        return {key: table.text(key) for key in table.values}
