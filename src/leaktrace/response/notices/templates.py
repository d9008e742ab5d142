"""Templates: one law in one language, as a small TOML file that a person can read, change and approve by its hash.

The shipped ones are put together from laws.toml and languages/: the same sentence of a language is written once.
What a company wrote itself, in `<folder>/<law>/<language>.toml`, takes their place. Either way the bytes that are
hashed are the bytes that are sent from; a shipped template is a draft like any other until somebody approved it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import tomllib
import unicodedata
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from leaktrace.errors import ResponseError, UsageError
from leaktrace.response.notices.laws import LANGUAGES, Law, law_named, laws

PLACEHOLDERS = frozenset(
    {
        "company",
        "contact_mail",
        "contact_page",
        "contact_phone",
        "contact_post",
        "officer",
        "noticed_on",
        "occurred_from",
        "occurred_to",
        "fields",
        "measures",
        "safeguards",
        "reference",
    }
)
"""The closed set. There is none for how many people were affected: no law of the set asks for it, one forbids it."""
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_LINK = re.compile(r"(?i)\b[a-z][a-z0-9+.-]*://|\bwww\.|\bmailto:|\bjavascript:")
_CEILING_BYTES = 65_536
_RTL = frozenset({"fa", "ar"})
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True, slots=True)
class Block:
    """A heading and what stands below it; an empty line parts paragraphs."""

    name: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """The text of a notice under one law in one language."""

    law: str
    language: str
    direction: str
    subject: str
    title: str
    greeting: str
    closing: str
    blocks: tuple[Block, ...]
    sha256: str
    """Of the exact bytes of its file: what a person approves."""
    fields: dict[str, str] = field(default_factory=dict)
    """Field of a customer record -> how it is called."""
    measures: dict[str, str] = field(default_factory=dict)
    safeguards: dict[str, str] = field(default_factory=dict)
    shipped: bool = True

    @property
    def name(self) -> str:
        """`korea/ko`."""
        return f"{self.law}/{self.language}"

    def texts(self) -> tuple[str, ...]:
        """Everything that may hold placeholders."""
        in_blocks = tuple(text for block in self.blocks for text in (block.heading, block.text))
        return (self.subject, self.title, self.greeting, self.closing, *in_blocks)

    def placeholders(self) -> frozenset[str]:
        """Names of the placeholders used."""
        return frozenset(name for text in self.texts() for name in _PLACEHOLDER.findall(text))


class TemplateShelf:
    """All templates: the company's own where there is one, else the shipped one."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def get(self, law: str, language: str) -> Template:
        """One template, checked; UsageError where there is no such law or language, ResponseError on a fault in it."""
        asked = law_named(law)
        if language not in LANGUAGES:
            raise UsageError(f"There is no template in the language '{language}'.", f"Use: {', '.join(LANGUAGES)}.")
        own = None if self._folder is None else self._folder / law / f"{language}.toml"
        shipped = own is None or not own.is_file()
        content = composed(law, language) if own is None or shipped else _bytes_of(own)
        template = parsed(content, law, language, shipped=shipped)
        if faults := faults_of(template, asked):
            raise ResponseError(
                f"The template {template.name} cannot be used: {'; '.join(faults)}.",
                f"{asked.says}. See docs/notices.md.",
            )
        return template

    def all(self) -> tuple[Template, ...]:
        """Every law in every language."""
        return tuple(self.get(law, language) for law in laws() for language in LANGUAGES)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(_CEILING_BYTES + 1)
    except OSError as error:
        raise ResponseError(f"The template {path} cannot be read: {error.strerror}.", "Check its rights.") from error
    if len(content) > _CEILING_BYTES:
        raise ResponseError(f"The template {path} is longer than {_CEILING_BYTES} bytes.", "A notice is a page.")
    return content


@functools.cache
def _language(language: str) -> dict[str, Any]:
    folder = resources.files("leaktrace.response.notices") / "languages"
    return tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8"))


@functools.cache
def composed(law: str, language: str) -> bytes:
    """The shipped template as a TOML file."""
    asked, words = law_named(law), _language(language)
    title = words["title"] if asked.title else words["neutral_subject" if asked.neutral_subject else "subject"]
    lines = [
        f"law = {_quoted(law)}",
        f"language = {_quoted(language)}",
        f"subject = {_quoted(_prescribed(title, asked.title, language))}",
        f"title = {_quoted(_prescribed(title, asked.title, language))}",
        f"greeting = {_quoted(words['greeting'])}",
        f"closing = {_quoted(words['closing'])}",
    ]
    for table in ("fields", "measures", "safeguards"):
        # A block may use what the law does not ask for; without its sentences it would say nothing under a heading.
        used = any(f"{{{table}}}" in words["blocks"][name]["text"] for name in asked.blocks)
        if table not in asked.required and not used:
            continue
        lines += ["", f"[{table}]", *(f"{key} = {_quoted(text)}" for key, text in words[table].items())]
    for name in asked.blocks:
        block = words["blocks"][name]
        heading = _prescribed(block["heading"], asked.headings.get(name), language)
        lines += ["", "[[block]]", f"name = {_quoted(name)}", f"heading = {_quoted(heading)}"]
        lines.append(f"text = {_quoted(block['text'])}")
    return ("\n".join(lines) + "\n").encode()


def _prescribed(text: str, prescribed: str | None, language: str) -> str:
    """The law's own English words alone in English, else behind the translation."""
    if prescribed is None:
        return text
    return prescribed if language == "en" else f"{text} ({prescribed})"


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which no template may hold.
    return json.dumps(text, ensure_ascii=False)


def parsed(content: bytes, law: str, language: str, *, shipped: bool = False) -> Template:
    """A template from the bytes of its file; ResponseError where its form is wrong."""
    try:
        document = tomllib.loads(content.decode("utf-8"))
        if document["law"] != law or document["language"] != language:
            raise ResponseError(
                f"The template in {law}/{language}.toml says it is {document['law']}/{document['language']}.",
                "Put it where it belongs.",
            )
        return Template(
            law=law,
            language=language,
            direction="rtl" if language in _RTL else "ltr",
            subject=_text(document["subject"]),
            title=_text(document["title"]),
            greeting=_text(document["greeting"]),
            closing=_text(document["closing"]),
            blocks=tuple(Block(_text(b["name"]), _text(b["heading"]), _text(b["text"])) for b in document["block"]),
            sha256=hashlib.sha256(content).hexdigest(),
            fields={key: _text(text) for key, text in document.get("fields", {}).items()},
            measures={key: _text(text) for key, text in document.get("measures", {}).items()},
            safeguards={key: _text(text) for key, text in document.get("safeguards", {}).items()},
            shipped=shipped,
        )
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ResponseError(
            f"The template {law}/{language}.toml is not in the form of a template: {type(error).__name__} {error}.",
            "Write out a shipped one as a model: leaktrace notify templates --out FOLDER.",
        ) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def faults_of(template: Template, law: Law) -> tuple[str, ...]:
    """What is wrong with a template under its law: empty means nothing. Numbered as in docs/notices.md."""
    used, blocks = template.placeholders(), [block.name for block in template.blocks]
    everything = "\n".join((*template.texts(), *template.fields.values(), *template.measures.values()))
    everything += "\n".join(template.safeguards.values())
    faults: list[str] = []
    # 1. placeholders are of the closed set, and no brace is left over
    faults += [f"there is no placeholder {{{name}}}" for name in sorted(used - PLACEHOLDERS)]
    if re.search(r"[{}]", _PLACEHOLDER.sub("", everything)):
        faults.append("a brace does not belong to a placeholder")
    # 2. no markup, no link of its own, no character that acts on the display
    faults += ["it holds markup"] if re.search(r"[<>]", everything) else []
    faults += ["it holds a link that is not a placeholder"] if _LINK.search(everything) else []
    faults += ["it holds invisible or control characters"] if any(map(_acts, everything)) else []
    # 3. what the law asks for is there
    faults += [f"{{{name}}} is missing" for name in law.required if name not in used]
    faults += [f"the block {name} is missing" for name in law.required_blocks if name not in blocks]
    # 4. what the law forbids is not
    faults += [f"{{{name}}} is forbidden under this law" for name in sorted(used & set(law.forbidden))]
    faults += [f"the block {name} is forbidden under this law" for name in blocks if name in law.forbidden_blocks]
    if law.no_numbers and any(sign.isdigit() for sign in _PLACEHOLDER.sub("", "\n".join(template.texts()))):
        faults.append("numbers are forbidden under this law")
    # 5. prescribed words
    faults += [f"the title lacks '{law.title}'"] if law.title and law.title not in template.title else []
    headings = {block.name: block.heading for block in template.blocks}
    faults += [f"no heading '{w}'" for name, w in law.headings.items() if w not in headings.get(name, "")]
    # 6. headings and title are one line
    one_line = (template.subject, template.title, *headings.values())
    faults += ["a heading, the subject or the title has a line break"] if any("\n" in t for t in one_line) else []
    return tuple(faults)


def _acts(sign: str) -> bool:
    return sign != "\n" and sign not in _JOINERS and unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co")
