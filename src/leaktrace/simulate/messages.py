"""The abuse mailbox of a story: who reports how, in which language, and what else lands there. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email import message_from_bytes

import numpy as np

from leaktrace.simulate.draws import shares_out
from leaktrace.simulate.envelope import Complaint
from leaktrace.simulate.incident import Mailing
from leaktrace.simulate.letters import Letter, Person, Sender, draw_letter, draw_sender
from leaktrace.simulate.mime import checked
from leaktrace.simulate.model import LOG_END, MICROSECONDS_A_DAY, World, moment
from leaktrace.simulate.scenario import Story
from leaktrace.simulate.styles import apple, attachment, feedback, gmail, notices, outlook, words_only
from leaktrace.simulate.wording import wording

Build = Callable[[np.random.Generator, Complaint], bytes]
STYLES: dict[str, tuple[Build, float]] = {
    "attachment": (attachment.build, 0.36),
    "arf": (feedback.build, 0.14),
    "gmail": (gmail.build, 0.2),
    "outlook": (outlook.build, 0.17),
    "apple": (apple.build, 0.13),
}
"""How customers report, and how many of them do it so."""
_OWN_LANGUAGES = {"fa": "gmail", "zh": "outlook"}
"""Languages other than English whose people have their own sentences, and the style with labels in that language."""
_PLUS_SHARE = 0.06
_NOTICE_DAYS = 40


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message in the abuse mailbox."""

    at: datetime
    raw: bytes

    @property
    def sender(self) -> str:
        """The reverse path the message came with; empty for notifications."""
        return str(message_from_bytes(self.raw)["Return-Path"]).strip("<>")


def write_mail(seed: int, story: Story) -> list[Delivery]:
    """All messages, in the order they arrived."""
    rng = np.random.default_rng([seed, 3])
    deliveries: list[Delivery] = []
    for number, mailing in enumerate((story.incident.main, *story.incident.others)):
        # The first two of the other mailings go where Persian and where Chinese is written.
        local = {1: "fa", 2: "zh"}.get(number)
        deliveries += _mailing_mail(rng, story.world, mailing, local)
    deliveries += _other_mail(rng, story)
    return sorted(deliveries, key=lambda delivery: delivery.at)


def _mailing_mail(rng: np.random.Generator, world: World, mailing: Mailing, local: str | None) -> list[Delivery]:
    sellers = world.sellers
    sender = draw_sender(
        rng, sellers.name[mailing.seller], sellers.domains[mailing.seller], sellers.category[mailing.seller]
    )
    styles = _draw_styles(rng, len(mailing.reporter))
    if local is not None:
        styles[0] = _OWN_LANGUAGES[local]
    columns = (mailing.reporter.tolist(), mailing.reporter_mailed_at.tolist(), mailing.reported_at.tolist(), styles)
    deliveries = []
    for customer, mailed_at, reported_at, style in zip(*columns, strict=True):
        complaint = _complaint(rng, world, sender, customer, mailed_at, reported_at)
        deliveries.append(_delivery(complaint, STYLES[style][0](rng, complaint)))
    earliest = int(mailing.mailed_at.min())
    for customer, at in zip(mailing.worded.tolist(), mailing.worded_at.tolist(), strict=True):
        complaint = _complaint(rng, world, sender, customer, earliest, at)
        deliveries.append(_delivery(complaint, words_only.build(rng, complaint)))
    return deliveries


def _draw_styles(rng: np.random.Generator, count: int) -> list[str]:
    """Every style at least once where there are enough reports, in random order."""
    shares = np.array([share for _, share in STYLES.values()])
    counts = shares_out(count, shares, 1 if count >= len(STYLES) else 0)
    names = [name for name, times in zip(STYLES, counts.tolist(), strict=True) for _ in range(times)]
    return [names[i] for i in rng.permutation(count).tolist()]


def person(world: World, customer: int) -> Person:
    """A customer as mail knows them."""
    first, last = world.customers.name[customer]
    people = world.places[int(world.customers.region[customer])].people
    language = people if people in _OWN_LANGUAGES else "en"
    return Person(first, last, world.customers.email[customer], language)


def _local_time(world: World, customer: int, instant: int) -> datetime:
    offset = world.places[int(world.customers.region[customer])].offset_minutes
    return moment(instant).replace(microsecond=0).astimezone(timezone(timedelta(minutes=offset)))


def _complaint(
    rng: np.random.Generator, world: World, sender: Sender, customer: int, mailed_at: int, reported_at: int
) -> Complaint:
    who = person(world, customer)
    letter = draw_letter(rng, sender, who, _local_time(world, customer, mailed_at))
    local, _, host = who.address.rpartition("@")
    tagged = f"{local}+{('shop', 'market', 'meridian')[int(rng.integers(0, 3))]}@{host}"
    return Complaint(
        reporter=who,
        from_address=tagged if rng.random() < _PLUS_SHARE else who.address,
        letter=letter,
        at=_local_time(world, customer, reported_at),
        note=_note(rng, who),
        subject=_subject(rng, letter),
    )


def _note(rng: np.random.Generator, who: Person) -> str:
    sentences = wording("words")[who.language]
    note = sentences["complaints"][int(rng.integers(0, len(sentences["complaints"])))]
    signature = sentences["signatures"][int(rng.integers(0, len(sentences["signatures"])))]
    return f"{note}\n\n{signature.format(name=who.name, first=who.first)}".strip() if note else ""


def _subject(rng: np.random.Generator, letter: Letter) -> str:
    choices = wording("words")[letter.to.language]["attached_subjects"]
    return str(choices[int(rng.integers(0, len(choices)))]).format(subject=letter.subject)


def _delivery(complaint: Complaint, raw: bytes) -> Delivery:
    return Delivery(complaint.at, checked(raw))


def _other_mail(rng: np.random.Generator, story: Story) -> list[Delivery]:
    """Bounces of and automatic answers to our acknowledgements, and spam to the mailbox itself."""
    reporters = story.incident.main.reporter
    count = max(2, len(reporters) // 15)
    deliveries = []
    for build in (notices.build_bounce, notices.build_autoreply):
        for number in rng.integers(0, len(reporters), count).tolist():
            who = person(story.world, int(reporters[number]))
            reported_at = int(story.incident.main.reported_at[number])
            at = _local_time(story.world, int(reporters[number]), reported_at) + timedelta(minutes=6)
            deliveries.append(Delivery(at, checked(build(rng, who, at))))
    for _ in range(count + 1):
        at = moment(LOG_END - int(rng.integers(1, _NOTICE_DAYS)) * MICROSECONDS_A_DAY).replace(microsecond=0)
        at += timedelta(seconds=int(rng.integers(0, 86_000)))
        deliveries.append(Delivery(at, checked(notices.build_spam(rng, at))))
    return deliveries
