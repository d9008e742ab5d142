"""A message as Outlook keeps it: properties, recipients, attachments; the same out of .msg files and out of TNEF."""

from __future__ import annotations

from dataclasses import dataclass

from leaktrace.mailroom.charsets import best_codec
from leaktrace.mailroom.mapi import BODY, HTML, RTF_COMPRESSED, STRING8, UNICODE, Properties
from leaktrace.mailroom.markup import render
from leaktrace.mailroom.mime import Source, TextBudget
from leaktrace.mailroom.rtf import read_rtf, unpack_rtf
from leaktrace.mailroom.texts import Text
from leaktrace.mailroom.transfer import covered_by

ITEM_CEILING_DEPTH = 8
ATTACHMENT_CEILING_COUNT = 100
RECIPIENT_CEILING_COUNT = 1000
_RTF_FREE_BYTES = 500_000


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file, or a message that was put in as it is; one of the two is None."""

    name: str
    source: Source | None
    item: Item | None


@dataclass(frozen=True, slots=True)
class Item:
    """One message."""

    properties: Properties
    recipients: tuple[Properties, ...]
    attachments: tuple[Attachment, ...]


def item_texts(item: Item, budget: TextBudget) -> list[Text]:
    """The body's texts, HTML first; CeilingReached when there is too much of it."""
    found = [_html_text(item, budget), _rtf_text(item, budget), _plain_text(item, budget)]
    texts = [text for text in found if text is not None and text.text.strip()]
    return sorted(texts, key=lambda text: text.kind != "html")


def _html_text(item: Item, budget: TextBudget) -> Text | None:
    value = item.properties.get(HTML)
    if value is None:
        return None
    budget.spend(len(value.source.content))
    charset = "utf-16-le" if value.kind == UNICODE else item.properties.charset()
    codec = "utf-16-le" if value.kind == UNICODE else best_codec(value.source.content, charset)
    rendered = render(value.source.content.decode(codec, "replace"))
    return Text("html", rendered.text, False, value.source, rendered, codec)


def _plain_text(item: Item, budget: TextBudget) -> Text | None:
    value = item.properties.get(BODY)
    if value is None or value.kind not in (STRING8, UNICODE):
        return None
    budget.spend(len(value.source.content))
    codec = "utf-16-le" if value.kind == UNICODE else best_codec(value.source.content, item.properties.charset())
    return Text("plain", value.source.content.decode(codec, "replace"), False, value.source, None, codec)


def _rtf_text(item: Item, budget: TextBudget) -> Text | None:
    """The body out of compressed RTF; each of its characters is covered by the whole property."""
    value = item.properties.get(RTF_COMPRESSED)
    if value is None:
        return None
    # Memory in proportion to the mail: bodies pack to a quarter, and what is unpacked is held several times over.
    most = _RTF_FREE_BYTES + 2 * len(value.source.content)
    unpacked = unpack_rtf(value.source.content, min(budget.left_bytes, most))
    budget.spend(len(unpacked))
    shown, is_html = read_rtf(unpacked, None)
    source = Source(shown.encode("utf-8", "replace"), covered_by(value.span))
    if is_html:
        rendered = render(shown)
        return Text("html", rendered.text, False, source, rendered, "utf-8")
    return Text("plain", shown, False, source, None, "utf-8")
