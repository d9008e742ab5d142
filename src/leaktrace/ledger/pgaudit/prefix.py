"""What stands in front of a message in a stderr log: `log_line_prefix`, given or recognised.

PostgreSQL manual, 20.8.2. What a session chooses itself (`%a`, the application name) may hold anything, also text
that looks like another prefix; a line that can be read in two ways is refused, so that nobody can write another's
name into the log.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from leaktrace.errors import UsageError
from leaktrace.ledger.pgaudit.record import Refused

_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
_ZONE = r"(?: (?:[A-Za-z]{1,6}|<?[+-][0-9]{2}(?::?[0-9]{2}){0,2}>?))"
_HOST = r"(?:\[local\]|[0-9A-Za-z_.:%-]{0,255})"
_WORDS = r"(?:[A-Za-z]{1,24}LAZY(?: [A-Za-z]{1,24}LAZY){0,6}LAZY)?LAZY"
# Every repeat has an end, so that a line of any length is decided in bounded steps: PostgreSQL cuts names at 63 bytes.
# LAZY becomes `?` in the pattern that takes as little as it can, nothing in the one that takes all it can.
_ESCAPES = {
    "m": rf"(?P<time>{_TIME}\.[0-9]{{3}}{_ZONE})",
    "t": rf"(?P<time>{_TIME}{_ZONE})",
    "n": r"(?P<epoch>[0-9]{9,11}\.[0-9]{3})",
    "s": rf"{_TIME}{_ZONE}",
    "u": r"(?P<user>[^\s,\[\]]{0,63}LAZY)",
    "d": r"(?P<database>[^\s,@\[\]]{0,63}LAZY)",
    "a": r"(?P<tool>[^\n]{0,63}LAZY)",
    "b": _WORDS.replace("A-Z", ""),
    "h": _HOST,
    "r": rf"{_HOST}(?:\([0-9]{{1,5}}\))?",
    "p": r"(?P<pid>[0-9]{1,20})",
    "P": r"[0-9]{0,20}",
    "l": r"[0-9]{1,20}",
    "c": r"(?P<session>[0-9a-f]{1,16}\.[0-9a-f]{1,16})",
    "i": _WORDS,
    "e": r"[0-9A-Z]{5}",
    "v": r"(?:[0-9]{1,20}/[0-9]{1,20}|)",
    "x": r"[0-9]{1,20}",
    "Q": r"-?[0-9]{1,20}",
    "L": rf"(?:\[none\]|{_HOST})",
    "q": "",
    "%": "%",
}
_SEVERITY = r"[^\s:]{2,20}:  AUDIT: "
_ESCAPE = re.compile(r"%(-?[0-9]{1,3})?(.)")

_PLAIN_ROLE = re.compile(r"(?=.*[^0-9.():-])[^=:/()]+")
"""A role that a prefix is recognised by: one that cannot be a number, an address or a name=value pair."""
_WHEN = ("%m", "%t", "%n")
_PROCESS = ("", " [%p]", " [%p]:", " [%p]: [%l-1]", " [%p] %l", " [%p-%l]", " %p", " %p %l", " [%c]")
_WHO = (
    " user=%u,db=%d,app=%a,client=%h",
    " user=%u,db=%d,app=%a,client=%r",
    " user=%u,db=%d,client=%h",
    " user=%u,db=%d,host=%h",
    " user=%u,db=%d",
    " db=%d,user=%u,app=%a,client=%h",
    " db=%d,user=%u",
    " %u@%d",
    " %u@%d/%a",
    " %u@%d %a",
    " %u@%d %r",
    " %u@%d %h",
    " %r %u@%d",
    " %h %u@%d",
    " [%u@%d]",
    " %u %d",
    " %u %d %a %h",
    " %u %d %h",
    " %u %d %r",
    " user=%u",
)
_ENDS = (" ", ": ")
_OTHERS = (
    "%t:%r:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
    "%m %u@%d %p %r ",
    "%m [%p] %l %u %d %a %h ",
    "%u@%d %m [%p] ",
    "user=%u,db=%d %m [%p] ",
)
PREFIX_HINT = (
    "Set log_line_prefix = '%m [%p] %q%u@%d ' and log_timezone = 'UTC' on the server for the logs to come; for this "
    "one, ingest the server's csvlog, or say the prefix it was written with (option log_line_prefix)."
)


@dataclass(frozen=True, slots=True)
class PrefixedLine:
    """What a line says before its AUDIT payload."""

    time: str
    """As written, or seconds since 1970 with `%n`."""
    user: str
    session: str
    """Session or process number; empty where the prefix has neither."""
    tool: str | None
    payload: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """A `log_line_prefix`, compiled twice: taking as little, and as much, as each escape can."""

    text: str
    lazy: re.Pattern[str]
    greedy_text: str

    def read(self, line: str) -> PrefixedLine | Refused | None:
        """The line's parts; None where the prefix is another one, Refused where two readings are possible."""
        least = self.lazy.match(line)
        if least is None:
            return None
        most = _compiled(self.greedy_text).match(line)
        if most is None or least.span() != most.span() or least.groupdict() != most.groupdict():
            return Refused("the text before AUDIT can be read in two ways, so the role is not certain")
        parts = least.groupdict()
        return PrefixedLine(
            time=parts.get("time") or parts.get("epoch") or "",
            user=parts.get("user") or "",
            session=parts.get("session") or parts.get("pid") or "",
            tool=parts.get("tool"),
            payload=line[least.end() :],
        )


@functools.lru_cache(maxsize=4096)
def compile_prefix(text: str) -> Prefix:
    """A `log_line_prefix` as patterns; UsageError for one without time or role, or with an unknown escape."""
    pattern, position, seen = "", 0, set[str]()
    for match in _ESCAPE.finditer(text):
        pattern += re.escape(text[position : match.start()])
        position = match.end()
        letter = match.group(2)
        if letter not in _ESCAPES:
            raise UsageError(f"log_line_prefix has no escape '%{letter}'.", "PostgreSQL's manual lists them in 20.8.2.")
        escape = _ESCAPES[letter]
        if letter in seen:  # a name may be there once in a pattern
            escape = re.sub(r"\(\?P<[a-z]+>", "(?:", escape)
        seen.add(letter)
        pattern += _padded(escape, match.group(1))
    pattern += re.escape(text[position:]) + _SEVERITY
    if not seen & {"m", "t", "n"} or "u" not in seen:
        lacks = "a time (%m)" if not seen & {"m", "t", "n"} else "the role (%u)"
        raise UsageError(f"This log_line_prefix does not say {lacks}.", PREFIX_HINT)
    if len(seen & {"m", "t", "n"}) > 1:
        raise UsageError("This log_line_prefix says the time twice.", "Keep one of %m, %t and %n.")
    return Prefix(text, re.compile(pattern.replace("LAZY", "?")), pattern.replace("LAZY", ""))


def _padded(escape: str, width: str | None) -> str:
    """With the blanks that a width fills it up with: behind it where the width is negative."""
    if width is None:
        return escape
    blanks = f" {{0,{int(width.lstrip('-'))}}}"
    return escape + blanks if width.startswith("-") else blanks + escape


@functools.lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def usual_prefixes(when: Iterable[str] = _WHEN) -> tuple[str, ...]:
    """Prefixes in common use: Debian's, log analysers', cloud providers' and combinations of their parts."""
    combined = ("".join(parts) for parts in itertools.product(when, _PROCESS, _WHO, _ENDS))
    return (*_OTHERS, *combined)


def recognise(line: str) -> Prefix | Refused:
    """The usual prefix of a line that has an AUDIT payload.

    Several may fit; they have to agree on the time and the role, and the one that says most is taken.
    """
    found: list[tuple[int, Prefix, str, str]] = []
    starts = [escape for escape in _WHEN if re.match(_ESCAPES[escape[1]], line)]
    for text in usual_prefixes(starts):
        prefix = compile_prefix(text)
        read = prefix.read(line)
        if isinstance(read, PrefixedLine) and _PLAIN_ROLE.fullmatch(read.user):
            said = bool(read.session) + (read.tool is not None)
            found.append((said, prefix, read.time, read.user))
    if not found:
        return Refused(_what_lacks(line))
    if any("%u@%d" in prefix.text for _, prefix, _, _ in found):  # an @ stands between role and database, unless
        found = [  # what follows may be a mail domain: a role's name can be an address
            each for each in found if "%u@%d" in each[1].text or "@" not in each[3] or "." in each[3].rpartition("@")[2]
        ]
    if len({(time, user) for _, _, time, user in found}) > 1:
        return Refused("the text before AUDIT fits several usual prefixes, which name different roles")
    return max(found, key=lambda each: each[0])[1]


def _what_lacks(line: str) -> str:
    head = line.partition("AUDIT: ")[0]
    if not re.search(rf"{_TIME}|[0-9]{{10}}\.[0-9]{{3}}", head):
        return "the text before AUDIT says no time"
    if re.search(_TIME, head) and not re.search(rf"{_TIME}(?:\.[0-9]{{1,6}})?{_ZONE}(?=[\s:,\]]|$)", head):
        return "the time before AUDIT has no zone"
    return "the text before AUDIT names no role, or is in no usual form"
