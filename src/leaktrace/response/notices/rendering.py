"""A template and facts -> subject, plain text and HTML of one variant; pure.

Right-to-left: `lang` and `dir` on the document and on every block (HTML, 3.2.6.4), `bdi` around what may run the
other way; in plain text and in the subject U+2068 and U+2069 (Unicode UAX 9, 2.4.2), which every value gets in a
right-to-left text, and in a left-to-right one that holds right-to-left letters. Nothing is loaded from anywhere, no
link is rewritten or counted.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from leaktrace.response.notices.facts import ISOLATED, REFERENCE_MARK, NoticeFacts, values_of
from leaktrace.response.notices.templates import Template

FSI, PDI = "\u2068", "\u2069"
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_PAGE = (
    '<!DOCTYPE html>\n<html lang="{language}" dir="{direction}">\n<head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title></head>\n'
    '<body lang="{language}" dir="{direction}" style="margin:0;padding:1em;font-family:sans-serif;font-size:16px;'
    'line-height:1.5;color:#222;background:#fff;max-width:40em;text-align:start;overflow-wrap:break-word">\n'
    "{blocks}</body>\n</html>\n"
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """One variant: the same for everybody with the same law, language and fields, but for the reference."""

    language: str
    subject: str
    text: str
    html: str

    def addressed(self, reference: str) -> Rendered:
        """With one person's reference in it."""
        told = {name: getattr(self, name).replace(REFERENCE_MARK, reference) for name in ("subject", "text", "html")}
        return replace(self, **told)


def rendered(template: Template, facts: NoticeFacts, fields: Sequence[str]) -> Rendered:
    """The variant for those fields; ResponseError where a placeholder has no value."""
    values = values_of(template, facts, fields)
    rtl = template.direction == "rtl"
    plain = {name: _in_text(name, value, rtl=rtl) for name, value in values.items()}
    marked = {name: _in_html(name, value) for name, value in values.items()}
    return Rendered(
        template.language, _filled(template.subject, plain), _text(template, plain), _html(template, marked)
    )


def isolated(value: str, *, rtl: bool) -> str:
    """The value between U+2068 and U+2069 where it needs them; what it holds of them itself is taken out."""
    bare = "".join(sign for sign in value if unicodedata.category(sign) != "Cf" or sign in "\u200c\u200d")
    runs_left = any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in bare)
    return f"{FSI}{bare}{PDI}" if rtl or runs_left else bare


def _in_text(name: str, value: str, *, rtl: bool) -> str:
    if name not in ISOLATED:
        return value
    # Programs that find links in plain text would take U+2069 for a part of one: a blank ends it.
    return isolated(f"{value} " if name == "contact_page" and rtl else value, rtl=rtl)


def _in_html(name: str, value: str) -> str:
    escaped = html.escape(value)
    if name == "contact_page":
        return f'<a href="{escaped}"><bdi dir="ltr">{escaped}</bdi></a>'
    if name == "contact_mail":
        return f'<a href="mailto:{escaped}"><bdi dir="ltr">{escaped}</bdi></a>'
    if name in ("contact_phone", "reference"):
        return f'<bdi dir="ltr">{escaped}</bdi>'
    return f"<bdi>{escaped}</bdi>" if name in ISOLATED else escaped


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


def _text(template: Template, values: Mapping[str, str]) -> str:
    parts = [template.title, template.greeting]
    parts += [f"{block.heading}\n{block.text}" for block in template.blocks]
    parts.append(template.closing)
    return "\n\n".join(_filled(part.strip(), values) for part in parts) + "\n"


def _html(template: Template, values: Mapping[str, str]) -> str:
    around = f'lang="{template.language}" dir="{template.direction}"'
    lines = [_block(around, "h1", template.title, values), _block(around, "p", template.greeting, values)]
    for block in template.blocks:
        paragraphs = "".join(_inner("p", text, values) for text in block.text.split("\n\n"))
        lines.append(f"<div {around}>{_inner('h2', block.heading, values)}{paragraphs}</div>\n")
    lines.append(_block(around, "p", template.closing, values))
    title = html.escape(_filled(template.title, {name: _bare(value) for name, value in values.items()}))
    return _PAGE.format(language=template.language, direction=template.direction, title=title, blocks="".join(lines))


def _bare(marked: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", marked))


def _block(around: str, tag: str, text: str, values: Mapping[str, str]) -> str:
    return f"<div {around}>{_inner(tag, text, values)}</div>\n"


def _inner(tag: str, text: str, values: Mapping[str, str]) -> str:
    size = {"h1": ' style="font-size:1.4em"', "h2": ' style="font-size:1.1em;margin-bottom:0"'}.get(tag, "")
    return f"<{tag}{size}>{_filled(html.escape(text).replace(chr(10), '<br>'), values)}</{tag}>"
