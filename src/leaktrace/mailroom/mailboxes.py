"""Mailboxes out of header fields and out of what mail clients write into forwards.

What stands in the last angle brackets is the address: clients put it there, and whatever precedes it, also another
address in brackets, is display name that the sender chose (`Chase <no.reply@chase.com> <real@other.example>`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from leaktrace.mailroom.headers import clean, decode_words
from leaktrace.records import Mailbox

FIELD_CEILING_CHARACTERS = 100_000
NAME_CEILING_CHARACTERS = 2000
MAILBOX_CEILING_COUNT = 1000
"""More mailboxes than this in one field are not read."""

_UNSEEN = "\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
"""Marks of direction and breaks without width: programs of right-to-left languages put them around addresses."""
_UNSEEN_MARK = re.compile(f"[{_UNSEEN}]")
_WIDE = "＜＞（）［］【】「」『』〈〉《》‹›，；：、。｡＠"
"""What stands around addresses in East Asian and other text, and in none."""
_NEVER = rf"""\s<>()\[\],;:"“”«»@|*\\{_UNSEEN}{_WIDE}"""
_LOCAL = rf"""(?<![^'{_NEVER}])(?<!@)(?:"[^"\s]{{1,64}}"|[^'{_NEVER}][^{_NEVER}]{{0,127}})"""
"""From its beginning: the end of a longer word, or of what follows another `@`, is nobody's."""
_DOMAIN = rf"""(?:\[[0-9A-Fa-f.:]{{3,60}}\]|[^'/=&{_NEVER}]{{1,255}}+(?![=@]))"""
"""Before `=` it is no domain: a program that did not undo quoted-printable has cut it there. Nor has one `&gt;`. Before
another `@` it is none: of `a@b@c` nobody knows which address it is."""
ADDRESS = re.compile(_LOCAL + "@" + _DOMAIN)
"""Something that looks like an address, in any script. To look for one, `find_address` is faster."""
_LOCAL_CEILING_CHARACTERS = 128
_IN_ANGLES = re.compile(r"<\s*([^<>]{0,400})\s*>")
_IN_ANGLES_WHOLE = re.compile(rf"""[^'\s<>()\[\],;:"“”«»@\\{_UNSEEN}{_WIDE}]{{1,128}}@{_DOMAIN}""")
"""Where nothing else stands in the brackets, signs that elsewhere set off an address (`*`, `|`) are part of it."""
_SOFT_END = re.compile(r"=\s")
"""A soft line end of quoted-printable that nobody undid: neither half of an address that it divides is one."""
_BROKEN = re.compile(r"=\s|@[^\s<>@:()\[\]]*\s+[\w.-]+\s*>")
"""In angle brackets: such a line end, or one that a program put inside the domain."""
_MAILTO = re.compile(r"[<\[]\s*mailto:([^<>\[\]\s]{1,400})\s*[>\]]", re.IGNORECASE)
_MAILTO_SQUARE = re.compile(r"\[\s*mailto:([^<>\[\]\s]{1,400})\s*\]", re.IGNORECASE)
"""Outlook's plain text: the sender's address; what stands before it is the display name, whatever it looks like."""
_CLOSED = re.compile(r"\s{0,9}>")
"""Behind a link inside of angle brackets; where none follows, the bracket before it was part of a name."""
_COMMENT = re.compile(r"\(([^()]*)\)\s*$")
_APART = re.compile(r"[\s@]")
_QUOTED = re.compile(r'"[^"]*+(?:"|\Z)')
_EMPTY_PAIR = re.compile(r'<\s*>|\(\s*\)|\[\s*\]|＜\s*＞|（\s*）|［\s*］|〈\s*〉|《\s*》|‹\s*›|(?<!\\)"\s*"')
_MARKS = " \t*_|;,；，"
_QUOTES = frozenset("\"'“”„«»‹›‘’")
_SEPARATORS = ",;，；、"
_STRUCTURE = re.compile(f'["<>(){_SEPARATORS}]')


@dataclass(frozen=True, slots=True)
class Found:
    """A mailbox and the range of the text it was read from."""

    mailbox: Mailbox
    start: int
    end: int
    name_contains_address: bool = False
    """The display name holds another address: what a forger writes there."""


def find_address(text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
    """The first address in `text[start:end]`; linear, where the pattern alone would try every letter as a beginning."""
    at = text.find("@", start, end)
    return None if at < 0 else ADDRESS.search(text, max(start, at - _LOCAL_CEILING_CHARACTERS), end)


def addresses_in(text: str) -> Iterator[re.Match[str]]:
    """All addresses in a text."""
    return ADDRESS.finditer(text) if "@" in text else iter(())


def without_addresses(text: str) -> str:
    """The text with a blank for each address."""
    return ADDRESS.sub(" ", text) if "@" in text else text


def clean_address(text: str) -> str | None:
    """The address in `text` with its domain in lower case; None when there is none."""
    match = find_address(text[:1000])
    return None if match is None else _lowered(match.group())


def _lowered(address: str) -> str | None:
    local, _, domain = address.rpartition("@")
    domain = domain.rstrip(".").lower()
    return f"{local}@{domain}" if domain else None


def read_mailbox(text: str, start: int = 0, *, encoded: bool = False) -> Found:
    """The one mailbox `text` speaks of; its address is null where only a name is shown. `start` shifts the range.

    `encoded`: the text is a header field's, so encoded words are names; what they decode to is never structure
    (RFC 2047, section 6.2), unless the whole mailbox was encoded against the rules.
    """
    lead = len(text) - len(text.lstrip())
    start, end = start + lead, start + len(text.rstrip())
    if encoded and find_address(text) is None:
        text, encoded = clean(decode_words(text)), False
    if not text.isascii():
        text = _UNSEEN_MARK.sub("", text)
    text, plain, links = _links_apart(text)
    address, name = None, plain
    outside = _without_asides(plain) if encoded else plain
    angles = ((one, plain[one.start(1) : one.end(1)]) for one in reversed(list(_IN_ANGLES.finditer(outside))))
    angled, written = next(((one, inside) for one, inside in angles if "@" in inside), (None, ""))
    # Beside an address in brackets that cannot be read, or is not the last word, any other is a name.
    bare = None
    if angled is None:  # a field that is nothing but quotes is read as if they were not there
        bare = _bare_address(outside if outside.strip() else plain)
    if angled is not None:
        is_broken = _BROKEN.search(f"<{written}>") is not None
        address = None if is_broken else _angled_address(written)
        if not encoded and not _is_last(address, plain, angled.end()):
            address = None
        if is_broken or address is not None:
            name = plain[: angled.start()] + " " + plain[angled.end() :]
    elif bare is not None and not _SOFT_END.fullmatch(plain[max(bare.start() - 2, 0) : bare.start()]):
        address = clean_address(bare.group())
        name = plain[: bare.start()] + " " + plain[bare.end() :]
    shown = _shown_name(clean(decode_words(name)) if encoded else name)
    inside = clean_address(shown) if shown else None
    if inside is not None and address is not None and inside.lower() == address.lower():
        shown, inside = (None if (shown or "").lower() == address.lower() else shown), None
    forged = inside is not None or any((clean_address(link) or address) != address for link in links)
    return Found(Mailbox(address, shown), start, end, forged)


def _without_asides(field: str) -> str:
    """A header field with blanks for what stands in comments, nested ones too, and in quotes: there is no address there
    (RFC 5322, sections 3.2.2 and 3.2.4), but for a quoted local part. Linear; what is not closed goes to the end.
    """
    if "(" not in field and '"' not in field:
        return field
    kept = list(field)
    depth = begin = 0
    quoted = escaped = False
    for place, character in enumerate(field):
        if escaped:
            escaped = False
        elif character == "\\" and (quoted or depth):
            escaped = True
        elif character == '"' and depth == 0:
            if quoted and field.startswith("@", place + 1) and not _APART.search(field, begin + 1, place):
                kept[begin : place + 1] = field[begin : place + 1]
                quoted = False
                continue
            quoted, begin = not quoted, begin if quoted else place
            kept[place] = " "
        elif not quoted and character in "()":
            depth = max(depth + (1 if character == "(" else -1), 0)
            kept[place] = " "
        if quoted or depth:
            kept[place] = " "
    return "".join(kept)


def _angled_address(content: str) -> str | None:
    """The address in angle brackets; None where none is."""
    content = content.strip()
    match = _IN_ANGLES_WHOLE.fullmatch(content) or find_address(content)
    return None if match is None else _lowered(match.group())


def _is_last(address: str | None, text: str, after: int) -> bool:
    """Whether no other address follows: where a program writes no brackets, those that are there are part of the name,
    and the sender's address comes after it.
    """
    other = find_address(text, after)
    return other is None or _lowered(other.group()) == address


def _bare_address(text: str) -> re.Match[str] | None:
    """The address that stands in no angle brackets; None where several do, of which one may be a name that the sender
    chose (`boss@rival.example real@other.example`).
    """
    first = find_address(text)
    if first is None or find_address(text, first.end()) is None:
        return first
    outside = _QUOTED.sub(lambda aside: " " * len(aside.group()), text)
    written = outside if find_address(outside) else text
    found = list(addresses_in(written))
    return found[0] if len({one.group().lower() for one in found}) == 1 else None


def _links_apart(text: str) -> tuple[str, str, list[str]]:
    """The text with Outlook's links as it writes addresses elsewhere, the same without links, and where they lead."""
    if ":" not in text:
        return text, text, []
    text = _MAILTO_SQUARE.sub(_angled, text)
    shown = _MAILTO.sub(" ", text)
    addresses = {_lowered(match.group()) for match in addresses_in(shown)}

    def told(link: re.Match[str]) -> str:
        # A link leads where the client says; what it is shown as may be a name that the sender chose. Inside of angle
        # brackets the client wrote both.
        inside = text.rfind("<", 0, link.start()) > text.rfind(">", 0, link.start()) and _CLOSED.match(text, link.end())
        return " " if (inside and addresses) or clean_address(link.group(1)) in addresses else f" <{link.group(1)}> "

    return text, _MAILTO.sub(told, text), _MAILTO.findall(text)


def _angled(square: re.Match[str]) -> str:
    """`[mailto:a@b]` as `<a@b>`, as wide as it was."""
    return f"<{square.group(1)}>".ljust(len(square.group()))


def _shown_name(text: str) -> str | None:
    text = _UNSEEN_MARK.sub("", text[:NAME_CEILING_CHARACTERS])
    comment = _COMMENT.search(text.strip())
    if comment and not text.strip()[: comment.start()].strip(_MARKS + "<>"):
        text = comment.group(1)
    text = _EMPTY_PAIR.sub(" ", text)
    text = re.sub(r'\\(["\\])', r"\1", " ".join(text.split()))
    return _unquoted(text.strip(_MARKS)) or None


def _unquoted(name: str) -> str:
    """The name without the quotes around it: pairs, and marks that have no partner."""
    while name and (name[0] in _QUOTES or name[-1] in _QUOTES):
        if len(name) > 1 and name[0] in _QUOTES and name[-1] in _QUOTES:
            name = name[1:-1].strip(_MARKS)
        elif name[0] in _QUOTES and not _QUOTES.intersection(name[1:]):
            name = name[1:].strip(_MARKS)
        elif name[-1] in _QUOTES and not _QUOTES.intersection(name[:-1]):
            name = name[:-1].strip(_MARKS)
        else:
            break
    return name


def split_mailboxes(text: str, *, semicolons_only: bool = False) -> list[tuple[int, int]]:
    """Ranges of the single mailboxes in a list, split at commas and semicolons outside quotes and brackets.

    Clients write names like `Doe, John <j@x.example>` without quotes: a piece without an address joins the next one
    that has it in angle brackets, unless semicolons show where mailboxes end.
    """
    text = text[:FIELD_CEILING_CHARACTERS]
    separators = ";；" if semicolons_only else _SEPARATORS
    pieces, begin, quoted, depth = [], 0, False, 0
    closing_quote = text.rfind('"')
    for mark in _STRUCTURE.finditer(text):
        position, character = mark.start(), mark.group()
        if character == '"' and (quoted or position < closing_quote):
            quoted = not quoted
        elif quoted:
            continue
        elif character in "<(":
            depth += 1
        elif character in ">)":
            depth = max(depth - 1, 0)
        elif character in separators and depth == 0:
            pieces.append((begin, position))
            begin = position + 1
            if len(pieces) >= MAILBOX_CEILING_COUNT:
                return _joined(text, pieces)
    pieces.append((begin, len(text)))
    return _joined(text, pieces)


def _joined(text: str, pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    open_start: int | None = None
    for start, end in pieces:
        piece = text[start:end]
        if not piece.strip():
            continue
        begin = start if open_start is None else open_start
        if "@" in piece and ("<" in piece or open_start is None or "[" in piece):
            joined.append((begin, end))
            open_start = None
        elif "@" in piece:
            joined += [(open_start or 0, start - 1), (start, end)]
            open_start = None
        elif open_start is not None:
            joined.append((open_start, start - 1))
            open_start = start
        else:
            open_start = start
    if open_start is not None:
        joined.append((open_start, len(text.rstrip(" \t;,"))))
    return joined


def _at_commas_too(text: str, outer: tuple[int, int]) -> list[tuple[int, int]]:
    """Mailboxes between two semicolons: more than one only where a comma parts whole addresses."""
    inner = [(outer[0] + start, outer[0] + end) for start, end in split_mailboxes(text[outer[0] : outer[1]])]
    return inner if all(find_address(text, start, end) for start, end in inner) and inner else [outer]


def read_mailboxes(text: str, *, encoded: bool = False) -> list[Found]:
    """All mailboxes of a list field, groups opened (RFC 5322, section 3.4); at most `MAILBOX_CEILING_COUNT`."""
    text = text[:FIELD_CEILING_CHARACTERS]
    outside = re.sub(r'"[^"]*"', "", text)
    use_semicolons = bool(re.search(r"[;；]\s*\S", outside)) and not re.match(r"\s*[^<>@\",;:]*:", outside)
    ranges = split_mailboxes(text, semicolons_only=use_semicolons)
    if use_semicolons:
        ranges = [one for outer in ranges for one in _at_commas_too(text, outer)]
    found = []
    for begin, end in ranges[:MAILBOX_CEILING_COUNT]:
        piece = text[begin:end]
        group = re.match(r'\s*[^<>@",;:]*:(?!\S*@.*:)', piece)
        lead = group.end() if group and "mailto" not in group.group().lower() else 0
        one = read_mailbox(piece[lead:], begin + lead, encoded=encoded)
        if one.mailbox.address or (one.mailbox.name and not lead):
            found.append(one)
    return found
