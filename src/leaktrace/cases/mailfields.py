"""Which personal data the unwanted mails themselves show, beside the address they were sent to. Pure.

A source who passed on "only e-mail addresses" cannot be the reason that a mail greets its reader by name or quotes an
order number. Looked for: the customer's own name, order numbers, telephone numbers. Two rules keep it honest:

1. A value that mails to different customers have in common is the sender's own (its hotline, a campaign number).
2. A name that can be read off the address (`jane.doe@…`) does not show that anybody knew the name.

Not looked for: postal addresses, dates of birth, bank details. Pictures are not read.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

CEILING_CHARACTERS = 200_000
"""Text looked at of one mail."""
_LEAST_DIGITS, _MOST_DIGITS = 8, 15
"""Of a telephone number (ITU-T E.164)."""
_PHONE = re.compile(r"(?<![\w/=.#-])(\+|00)?\d(?:[ \u00a0().\-/]{0,2}\d){7,14}(?![\w=])")
_ORDER_WORDS = (
    "order|order number|order no|purchase|invoice|bestellung|bestellnummer|auftrag|auftragsnummer|rechnung|commande|"
    "pedido|encomenda|ordine|bestelling|zamówienie|заказ|sipariş|سفارش|شماره سفارش|طلب|رقم الطلب|订单|订单号|訂單|"
    "注文番号|ご注文番号|注文|주문번호|주문"
)
_ORDER = re.compile(
    rf"(?:{_ORDER_WORDS})[\s:#№.\-]{{0,6}}(?:(?:nr|no|number|id|nummer|numéro|número|n°|番号)[\s:#№.]{{0,4}})?"
    r"([A-Z]{0,5}[-_]?\d[\dA-Z-]{4,24})",
    re.IGNORECASE,
)
_URL = re.compile(r"(?:https?|ftp)://\S{1,4000}", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’-][^\W\d_]+)*")
_GREETING_CHARACTERS = 300
_TITLES = frozenset(
    {"mr", "mrs", "ms", "dr", "prof", "herr", "frau", "sir", "madam", "the", "and", "von", "van", "der"}
)


@dataclass(frozen=True, slots=True)
class MailText:
    """One unwanted mail, as it was recovered."""

    customer: str | None
    """Whom it was sent to, by id; null: not known."""
    text: str
    """What its reader sees, without what the reporter added."""
    names: tuple[str, ...] = ()
    """What the customer calls themselves: the reporter's display name."""
    addresses: tuple[str, ...] = ()
    """Addresses of the customer: what can be read off them is not counted."""
    references: tuple[str, ...] = ()
    """Order numbers of this customer that we know."""


@dataclass(frozen=True, slots=True)
class MailFields:
    """What mails show, customer by customer."""

    by_customer: Mapping[str, tuple[str, ...]]
    """Customer -> fields (`name`, `order`, `phone`), sorted; only customers whose mail shows any."""
    counts: Mapping[str, int]
    """Field -> mails that show it."""
    looked_at_count: int
    """Mails with a text to look at."""
    unclear_count: int
    """Mails with numbers of which one mail alone cannot tell whether they are the customer's or the sender's."""


def fields_in_mails(mails: Sequence[MailText]) -> MailFields:
    """Which fields the mails show; mails without text count nowhere."""
    read = [one for one in mails if one.text.strip()]
    seen = [_values(one) for one in read]
    common = _common(read, seen)
    many = len({one.customer for one in read}) > 1
    by_customer: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    unclear = 0
    for mail, values in zip(read, seen, strict=True):
        own = {kind for kind, value in values if (kind, value) not in common}
        sure = {kind for kind, value in values if kind == "order" and value in _folded(mail.references)}
        shown = (own if many else set()) | sure | ({"name"} if shows_name(mail) else set())
        unclear += bool(own - shown)
        counts.update(shown)
        if mail.customer is not None and shown:
            by_customer.setdefault(mail.customer, set()).update(shown)
    told = {customer: tuple(sorted(fields)) for customer, fields in sorted(by_customer.items())}
    return MailFields(told, dict(sorted(counts.items())), len(read), unclear)


def _common(mails: Sequence[MailText], seen: Sequence[set[tuple[str, str]]]) -> set[tuple[str, str]]:
    """Values in mails to more than one customer (rule 1)."""
    owners: dict[tuple[str, str], set[str | None]] = {}
    for mail, values in zip(mails, seen, strict=True):
        for value in values:
            owners.setdefault(value, set()).add(mail.customer)
    return {value for value, customers in owners.items() if len(customers) > 1}


def _values(mail: MailText) -> set[tuple[str, str]]:
    text = _URL.sub(" ", unicodedata.normalize("NFKC", mail.text[:CEILING_CHARACTERS]))
    orders = {_fold(match.group(1)) for match in _ORDER.finditer(text)}
    known = {one for one in _folded(mail.references) if len(one) >= 4 and one in _fold(text)}
    phones = {digits for match in _PHONE.finditer(text) if (digits := _phone(match.group()))}
    numbers = {one for one in phones if not any(one in order or order in one for order in orders | known)}
    return {("order", one) for one in orders | known} | {("phone", one) for one in numbers}


def _phone(written: str) -> str | None:
    """The digits, if they are written like a telephone number: with a plus, a leading zero, or in groups."""
    digits = re.sub(r"\D", "", written)
    grouped = len(re.findall(r"\d+", written)) >= 3
    if not (written.startswith(("+", "0")) or grouped) or not _LEAST_DIGITS <= len(digits) <= _MOST_DIGITS:
        return None
    if re.fullmatch(r"(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}.*|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d.*", written):
        return None  # a date
    return digits


def _folded(references: Iterable[str]) -> set[str]:
    return {_fold(one) for one in references}


def _fold(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text).casefold()


def shows_name(mail: MailText) -> bool:
    """Whether the mail calls its reader by a name that cannot be read off the address (rule 2)."""
    text = unicodedata.normalize("NFKC", mail.text[:CEILING_CHARACTERS]).casefold()
    readable = " ".join(mail.addresses).casefold()
    words = _WORD.findall(text)
    greeting = set(_WORD.findall(text[:_GREETING_CHARACTERS]))
    for name in mail.names:
        parts = [part for part in _WORD.findall(unicodedata.normalize("NFKC", name).casefold()) if _telling(part)]
        unknown = [part for part in parts if part not in readable]
        if not unknown:
            continue
        if any(part in greeting for part in unknown) or (len(parts) > 1 and _follow(words, parts)):
            return True
        if not parts[0].isascii() and any(part in text[:_GREETING_CHARACTERS] for part in unknown):
            return True  # scripts without blanks between words
    return False


def _telling(part: str) -> bool:
    return part not in _TITLES and len(part) >= (3 if part.isascii() else 2)


def _follow(words: Sequence[str], parts: Sequence[str]) -> bool:
    size = len(parts)
    return any(list(words[at : at + size]) == list(parts) for at in range(len(words) - size + 1))
