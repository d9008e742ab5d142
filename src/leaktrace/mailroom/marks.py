"""What a mail shows beside its words: how it is built, and what only its sender has (phones, chats, accounts).

A mail that is one picture has no words, and mails worded anew for each recipient have no words in common. Both
still lead somewhere, are built from one template, and say whom to answer. `kind:value`, in the clear: marks lie in the
sealed record only; what is stored beside it are keyed hashes (`features`).

1. `phone`: a number with a country code or behind a word for a telephone, digits only.
2. `chat`: a name at a messenger (wa.me, t.me, `WhatsApp: ...`), its digits or letters.
3. `product`: an id behind a word for an article, or in a link (`/dp/`, `sku=`).
4. `account`: host and account token of List-Unsubscribe. It is compared, never fetched: fetching tells the sender who
   complained.
5. `pixel`: the host of a picture of one point.
6. `image`: path and size of a picture, without host and query; of one inside the mail its bytes' hash.
"""

from __future__ import annotations

import functools
import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import parse_qsl, urlsplit

from leaktrace.mailroom.domains import registrable, split_link
from leaktrace.mailroom.mime import Part, walk
from leaktrace.mailroom.sketches import sketch_of_runs, sketch_of_set, sketch_of_words
from leaktrace.mailroom.texts import Text
from leaktrace.mailroom.words import Words, may_have_number, places_of, words_of

MARK_CEILING_COUNT = 60
"""Marks kept of one mail."""
HTML_CEILING_CHARACTERS, TEXT_CEILING_CHARACTERS = 400_000, 200_000
ELEMENT_CEILING_COUNT = 5_000
LOOK_NEEDED = 20
"""Different runs of elements that a mail must have before its look is compared: plain paragraphs look alike."""
IMAGE_CEILING_BYTES, IMAGE_NEEDED_BYTES = 2_000_000, 1_000
"""Bytes looked at of a picture inside a mail, and bytes it needs: an icon is in everybody's."""
_RUN_ELEMENTS = 4
_IMAGE_CEILING_COUNT = 12

_INSIDE = re.compile(r"<([^<>]*)>")
_ELEMENT = re.compile(r"(/?[a-zA-Z][a-zA-Z0-9]{0,15})\b([^>]{0,2000})")
"""What stands between `<` and `>`."""
_SIZED = frozenset(("img", "td", "table", "div"))
"""Elements whose width shapes the page."""
_KEPT_CHARACTERS = 200
"""Longer elements are seldom met again."""
_ATTRIBUTE = re.compile(
    r"""\b(src|width|height)\s{0,3}=\s{0,3}(?:"([^"]{0,1500})"|'([^']{0,1500})'|([^\s"'>]{1,500}))""", re.IGNORECASE
)
_PHONE_WORDS = (
    "tel",
    "phone",
    "telefon",
    "téléphone",
    "teléfono",
    "telefono",
    "telefone",
    "call",
    "mobile",
    "fax",
    "hotline",
)
_FOREIGN_PHONE_WORDS = ("电话", "電話", "전화", "تلفن", "هاتف", "טלפון")
"""They stand inside of words, too."""
_NUMBER = r"(?:\d[\s().\-/\u00a0]{0,2}){6,14}\d"
_PHONE = re.compile(rf"(?<![\w/=.+])(?:\+|00)({_NUMBER})(?![\w/])")
_NAMED_PHONE = re.compile(
    rf"(?:\b(?:{'|'.join(_PHONE_WORDS)})|{'|'.join(_FOREIGN_PHONE_WORDS)})"
    rf"\s{{0,3}}[.:：]{{0,2}}\s{{0,3}}\+?({_NUMBER})(?![\w/])",
    re.IGNORECASE,
)
_PHONE_DIGITS = 7
"""What a number of a telephone has at least."""
_CHAT = re.compile(
    r"\b(whatsapp|telegram|signal|viber|wechat|weixin|line id|skype|微信|qq)\b\s{0,3}(?:id|no\.?|nr\.?)?\s{0,3}[.:：@]"
    r"\s{0,3}([@+]?[\w.\-]{4,40}(?:\s?\d{2,5}){0,4})",
    re.IGNORECASE,
)
_CHAT_WORDS = frozenset(["whatsapp", "telegram", "signal", "viber", "wechat", "weixin", "line", "skype", "微信", "qq"])
"""The words that what `_CHAT` finds can begin with."""
_CHAT_HOSTS = {
    "wa.me": "whatsapp",
    "t.me": "telegram",
    "telegram.me": "telegram",
    "m.me": "messenger",
    "line.me": "line",
}
_PRODUCT = re.compile(
    r"\b(?:sku|asin|ean|isbn|art(?:icle|ikel)?[.\-]?\s?(?:nr|no|number|nummer)?|item\s?(?:no|number|#)|"
    r"model\s?(?:no|number)?|product\s?(?:id|no|code)|ref(?:erence)?\s?(?:no)?|货号|型号)\s{0,2}[.:：#]\s{0,2}([A-Za-z0-9][A-Za-z0-9\-_/]{3,30})",
    re.IGNORECASE,
)
_PRODUCT_WORDS = frozenset(
    f"{first}{second}"
    for firsts, seconds in (
        (("sku", "asin", "ean", "isbn", "货号", "型号"), ("",)),
        (("art", "article", "artikel"), ("", "nr", "no", "number", "nummer")),
        (("item", "model"), ("", "no", "number")),
        (("product",), ("", "id", "no", "code")),
        (("ref", "reference"), ("", "no")),
    )
    for first in firsts
    for second in seconds
)
"""The words that what `_PRODUCT` finds can begin with."""
_FOLDED_LETTERS = "İıſ"
"""Letters that patterns without case take for others, and that `str.lower` leaves, or makes two of."""
_PRODUCT_PATH = re.compile(
    r"/(?:dp|gp/product|itm|item|product|products|p|artikel|sku)/([A-Za-z0-9][A-Za-z0-9\-_]{3,60})", re.IGNORECASE
)
_PRODUCT_QUERY = frozenset({"sku", "asin", "product", "product_id", "productid", "pid", "item", "item_id", "artnr"})
_TELLING_QUERY = re.compile("[%+]|sku|asin|p(?:id|roduct|hone)|item|artnr", re.IGNORECASE)
"""Of a query that may have such a parameter, or `phone`: written out, or hidden by escapes."""
_ACCOUNT_QUERY = frozenset({"u", "account", "acct", "a", "client", "sender", "list", "owner", "o", "c"})
_UNSUBSCRIBE = re.compile(r"<([^<>]{1,2000})>")


@dataclass(frozen=True, slots=True)
class BodyMarks:
    """What one mail shows of its mailing; all empty for a mail that shows nothing."""

    text_sketch: tuple[int, ...] = ()
    word_sketch: tuple[int, ...] = ()
    look_sketch: tuple[int, ...] = ()
    marks: tuple[str, ...] = ()


def marks_of_message(message: Part, texts: Sequence[Text], links: Iterable[str]) -> BodyMarks:
    """Those of a whole message."""
    own = [*account_marks(message.unfolded("list-unsubscribe") or ""), *_attached_images(message)]
    return marks_of_texts(texts, links, own)


def marks_of_texts(texts: Sequence[Text], links: Iterable[str], own: Iterable[str]) -> BodyMarks:
    """Those of what is shown first of a message that has these texts; `own`: marks that it has beside them."""
    return _marks(texts[0].text if texts else "", _html_of(texts[0]) if texts else "", links, own)


def marks_of_text(text: Text, start: int, links: Iterable[str]) -> BodyMarks:
    """Those of what a forward shows from the character `start` of its text on."""
    source = ""
    if text.rendered is not None:
        at = text.rendered.runs.place(start - 1)[1] if start else 0
        source = _html_of(text)[at:]
    return _marks(text.text[start:], source, links, [])


def _marks(shown: str, source: str, links: Iterable[str], own: Iterable[str]) -> BodyMarks:
    words = words_of(shown)
    look, images = look_of(source)
    found = [*own, *contact_marks(shown, words), *link_marks(links), *images]
    kept = tuple(sorted(dict.fromkeys(found)))[:MARK_CEILING_COUNT]
    return BodyMarks(sketch_of_runs(words.masked), sketch_of_words(words.masked), look, kept)


def _html_of(text: Text) -> str:
    if text.rendered is None:
        return ""
    return text.source.content[: 4 * HTML_CEILING_CHARACTERS].decode(text.codec, "replace")[:HTML_CEILING_CHARACTERS]


# --- words that are not prose -----------------------------------------------------------------------------------


def contact_marks(shown: str, words: Words | None = None) -> Iterator[str]:
    """Phones, chats and product ids that the text names; `words`: its own, where they were read already.

    Most texts name none: what each must have is looked for first, and only then is the text gone through for it.
    """
    shown = shown[:TEXT_CEILING_CHARACTERS]
    words = words_of(shown) if words is None else words
    numbered = may_have_number(shown, _PHONE_DIGITS, is_ascii_numbered=words.is_ascii_numbered)
    for match in _phones(shown, words) if numbered else ():
        digits = _digits(match.group(1))
        if _PHONE_DIGITS <= len(digits) <= 15:
            yield f"phone:{digits.lstrip('0')[-10:]}"
    for match in _beginning_with(_CHAT_WORDS & words.distinct, _CHAT, shown):
        yield f"chat:{_chat_name(match.group(1), match.group(2))}"
    for match in _beginning_with(_PRODUCT_WORDS & words.distinct, _PRODUCT, shown):
        if any(c.isdigit() for c in match.group(1)):
            yield f"product:{match.group(1).casefold()}"


def _phones(shown: str, words: Words) -> Iterator[re.Match[str]]:
    yield from _beginning_with(("+", "00"), _PHONE, shown)
    # A number may follow its word without a blank; digits of words are masked.
    named = [word for word in _PHONE_WORDS if word in words.distinct or f"{word}0" in words.distinct]
    yield from _beginning_with((*named, *_FOREIGN_PHONE_WORDS), _NAMED_PHONE, shown)


def _beginning_with(first: Iterable[str], pattern: re.Pattern[str], shown: str) -> Iterator[re.Match[str]]:
    """What a pattern finds that begins with one of these: it is tried where they stand and nowhere else."""
    lowered = shown.lower()
    is_plain = len(lowered) == len(shown) and not any(letter in shown for letter in _FOLDED_LETTERS)
    places = places_of(first, lowered) if is_plain else None
    if places is None:
        yield from pattern.finditer(shown)
        return
    done = 0
    for at in places:
        if at >= done and (match := pattern.match(shown, at)) is not None:
            yield match
            done = match.end()


def link_marks(links: Iterable[str]) -> Iterator[str]:
    """Chats and product ids that the links lead to."""
    for url in links:
        place = split_link(url)
        if place is None:
            continue
        host = place.host.removeprefix("www.")
        if host in _CHAT_HOSTS and len(place.path) > 4:
            yield f"chat:{_chat_name(_CHAT_HOSTS[host], place.path.split('/')[1])}"
            continue
        if match := _PRODUCT_PATH.search(place.path):
            yield f"product:{match.group(1).casefold()}"
        if not _TELLING_QUERY.search(place.query):
            continue
        for name, value in _parameters(place.query):
            if name.lower() in _PRODUCT_QUERY and 3 < len(value) <= 60:
                yield f"product:{value.casefold()}"
            if host == "api.whatsapp.com" and name == "phone":
                yield f"chat:{_chat_name('whatsapp', value)}"


def _parameters(query: str) -> list[tuple[str, str]]:
    """Names and values of a query; none of one that has too many."""
    return parse_qsl(query[:2000], max_num_fields=40) if query.count("&") < 39 else []


def account_marks(field: str) -> Iterator[str]:
    """The account behind List-Unsubscribe (RFC 2369): its host with what names the sender's account there.

    Tokens that name the recipient differ in each mail and never agree; so all but the account's own are left out.
    """
    for target in _UNSUBSCRIBE.findall(field[:8000])[:4]:
        try:
            parts = urlsplit(target.strip())
            host = parts.hostname
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and host and (domain := registrable(host)):
            pairs = _parameters(parts.query[:2000])
            account = next((value for name, value in pairs if name.lower() in _ACCOUNT_QUERY and len(value) >= 4), "")
            below = host.removesuffix(domain).rstrip(".")
            if account or (below and below not in ("www", "click", "email", "links", "unsubscribe")):
                yield f"account:{domain}/{account or below}"


def _chat_name(service: str, name: str) -> str:
    digits = _digits(name)
    who = digits.lstrip("0")[-10:] if len(digits) >= 7 else name.strip("@+. -").casefold()
    return f"{service.casefold()}/{who}"


def _digits(text: str) -> str:
    return "".join(str(int(c)) for c in text if c.isdecimal())


# --- how it is built ----------------------------------------------------------------------------------------------


def look_of(source: str) -> tuple[tuple[int, ...], list[str]]:
    """The sketch of the order of elements, and the pictures; linear in the source, which has a ceiling."""
    names: list[str] = []
    images: list[str] = []
    for inside in _INSIDE.findall(source):
        element = (_element if len(inside) <= _KEPT_CHARACTERS else _read_element)(inside)
        if element is None:
            continue
        names.append(element[0])
        if (picture := element[1]) and (picture.startswith("pixel:") or len(images) < _IMAGE_CEILING_COUNT):
            images.append(picture)
        if len(names) == ELEMENT_CEILING_COUNT:
            break
    runs = {" ".join(run) for run in set(zip(*(names[at:] for at in range(_RUN_ELEMENTS)), strict=False))}
    return (sketch_of_set(runs) if len(runs) >= LOOK_NEEDED else ()), images


def _read_element(inside: str) -> tuple[str, str] | None:
    """The name of an element, with its width where that shapes the page, and the mark of the picture it is, or ``."""
    match = _ELEMENT.fullmatch(inside)
    if match is None:
        return None
    name = match.group(1).lower()
    if name not in _SIZED:
        return name, ""
    attributes = {
        one.group(1).lower(): next(value for value in one.groups()[1:] if value is not None)
        for one in _ATTRIBUTE.finditer(match.group(2))
    }
    return f"{name} {attributes.get('width', '')}", _image(attributes) if name == "img" else ""


_element = functools.lru_cache(maxsize=8192)(_read_element)
"""Mails of one mailing, and rows of one mail, have the same elements again and again."""


def _image(attributes: dict[str, str]) -> str:
    source = html.unescape(attributes.get("src", "")).strip()
    size = (attributes.get("width", ""), attributes.get("height", ""))
    try:
        parts = urlsplit(source)
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    if all(side.strip().removesuffix("px") in ("0", "1") for side in size):
        return f"pixel:{domain}" if (domain := registrable(host)) else ""
    return f"image:{parts.path[-80:].casefold()} {size[0]}x{size[1]}" if len(parts.path) > 1 else ""


def _attached_images(message: Part) -> Iterator[str]:
    """Pictures inside the mail, by their bytes as they were sent: nothing is decoded."""
    pictures = (part for part in walk(message) if part.content_type.startswith("image/"))
    for part in islice(pictures, 4):
        sent = part.body()[:IMAGE_CEILING_BYTES].translate(None, b" \t\r\n")
        if len(sent) >= IMAGE_NEEDED_BYTES:
            yield f"image:{hashlib.sha256(sent).hexdigest()[:24]}"
