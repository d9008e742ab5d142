"""Sends what is claimed, one mail after the other, until all is said or somebody or something stops it.

The loop decides nothing about a person: `states` and `outcomes` do. It only keeps the order attempt -> DATA ->
answer, looks at the kill switch between any two mails, keeps the rate, and gives up where going on would do harm.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal

from leaktrace.response.notices.claims import Claims
from leaktrace.response.notices.journal import Answer
from leaktrace.response.notices.mailaddress import ready
from leaktrace.response.notices.mailform import Draft, MailForm
from leaktrace.response.notices.outboxrows import ClaimedNotice
from leaktrace.response.notices.relay import Relay, RelayRefusesError, RelayUnreachableError

StopReason = Literal["done", "canary", "stopped", "relay_unreachable", "relay_refuses", "many_refusals"]
Variant = tuple[str, str, tuple[str, ...]]
"""Law, language, fields."""
_LONGEST_PAUSE_SECONDS = 30.0
_SIGNERS_COUNT = 2
_AHEAD_COUNT = 8
"""Messages that a thread signs at once, while others are sent. Where the rate is limited it is one: `Date` is then the
time of sending, but for a few mails."""


@dataclass(frozen=True, slots=True)
class SendLimits:
    """How fast, and when to give up."""

    window_count: int = 100
    """Claimed and committed at once; as many addresses are in memory."""
    rate_per_second: float | None = None
    reconnect_count: int = 5
    """Failures to reach the relay in a row after which sending stops."""
    refusal_count: int = 20
    """Permanent refusals in a row after which sending stops: then it is us who are refused."""
    canary_left_count: int | None = None
    """Attempts until sending stops for a person to look; null: no such stop."""


@dataclass(frozen=True, slots=True)
class Around:
    """What sending takes from outside."""

    relay: Relay
    addresses_of: Callable[[Sequence[str]], Mapping[str, str]]
    """Person -> address, for those the directory knows. Asked per window, kept for no longer."""
    forms: Mapping[Variant, MailForm]
    sellers_domains: frozenset[str]
    stopped: Callable[[], bool]
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    progress: Callable[[int], None] = lambda _: None
    """Called with the number of attempts so far, after each window."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """Why sending ended, and how many attempts it made."""

    reason: StopReason
    attempted_count: int


class _Halt(Exception):  # noqa: N818 - no error: it carries why the loop ends
    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason: StopReason = reason


class Sender:
    """One run over one batch."""

    def __init__(self, claims: Claims, around: Around, limits: SendLimits) -> None:
        self._claims = claims
        self._around = around
        self._limits = limits
        self._pool = ThreadPoolExecutor(_SIGNERS_COUNT, "signing")
        self._attempted_count = 0
        self._lost_in_a_row = 0
        self._refused_in_a_row = 0
        self._next_at = around.monotonic()

    def run(self) -> SendResult:
        """Until nothing is left that may be sent now, or there is a reason to stop; `claiming` commits what is left."""
        try:
            while window := self._claims.turn(self._limits.window_count):
                self._send_window(window)
                self._around.progress(self._attempted_count)
        except _Halt as halt:
            return SendResult(halt.reason, self._attempted_count)
        finally:
            self._pool.shutdown(cancel_futures=True)
            self._around.relay.close()
        return SendResult("done", self._attempted_count)

    def _send_window(self, window: tuple[ClaimedNotice, ...]) -> None:
        with contextlib.closing(self._addressed(window)) as addressed:
            for notice, recipient, message in addressed:
                if self._around.stopped():
                    raise _Halt("stopped")
                left = self._limits.canary_left_count
                if left is not None and self._attempted_count >= left:
                    raise _Halt("canary")
                self._keep_rate()
                self._send_one(notice, recipient, message)

    def _addressed(self, window: tuple[ClaimedNotice, ...]) -> Generator[tuple[ClaimedNotice, str, bytes], None, None]:
        """Those of a window that have an address, with their signed message; the others are suppressed."""
        addresses = self._around.addresses_of([one.person for one in window])
        able: list[tuple[ClaimedNotice, str]] = []
        for notice in window:
            recipient, reason = ready(addresses.get(notice.person), self._around.sellers_domains)
            if reason is None:
                able.append((notice, recipient))
            else:
                self._claims.suppress(notice, reason)
        drafts = (self._draft(*one) for one in able)
        ahead = 1 if self._limits.rate_per_second is not None else _AHEAD_COUNT
        for one, message in zip(able, signed_ahead(drafts, self._pool, ahead), strict=True):
            yield *one, message

    def _draft(self, notice: ClaimedNotice, recipient: str) -> Draft:
        form = self._around.forms[notice.law, notice.language, notice.fields]
        return form.draft(notice.notice, recipient, self._around.clock())

    def _send_one(self, notice: ClaimedNotice, recipient: str, message: bytes) -> None:
        sender = self._around.forms[notice.law, notice.language, notice.fields].return_path(notice.notice)
        try:
            answer = self._reached(sender, recipient, message, notice)
        except RelayRefusesError:
            self._claims.answer(notice, Answer("not_sent"))
            raise _Halt("relay_refuses") from None
        self._claims.answer(notice, answer)
        if answer.kind == "not_sent":
            self._lost()
            return
        self._lost_in_a_row = 0
        self._attempted_count += 1
        self._refused_in_a_row = self._refused_in_a_row + 1 if answer.kind == "refused" else 0
        if self._refused_in_a_row >= self._limits.refusal_count:
            raise _Halt("many_refusals")

    def _reached(self, sender: str, recipient: str, message: bytes, notice: ClaimedNotice) -> Answer:
        while True:
            try:
                return self._around.relay.send(sender, recipient, message, lambda: self._claims.attempt(notice))
            except RelayUnreachableError:
                self._lost()

    def _lost(self) -> None:
        self._lost_in_a_row += 1
        if self._lost_in_a_row >= self._limits.reconnect_count:
            raise _Halt("relay_unreachable")
        if self._around.stopped():
            raise _Halt("stopped")
        self._around.sleep(min(2.0 ** (self._lost_in_a_row - 1), _LONGEST_PAUSE_SECONDS))

    def _keep_rate(self) -> None:
        if self._limits.rate_per_second is None:
            return
        now = self._around.monotonic()
        if now < self._next_at:
            self._around.sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + 1.0 / self._limits.rate_per_second


def signed_ahead(drafts: Iterable[Draft], pool: Executor, count: int) -> Iterator[bytes]:
    """The messages in order; the next few times `count` are being signed while whoever asks works on the last."""
    coming = iter(drafts)
    begun: deque[Future[list[bytes]]] = deque()
    while True:
        while len(begun) <= _SIGNERS_COUNT and (chunk := list(islice(coming, count))):
            begun.append(pool.submit(_signed, chunk))
        if not begun:
            return
        yield from begun.popleft().result()


def _signed(drafts: Sequence[Draft]) -> list[bytes]:
    return [one.signed() for one in drafts]
