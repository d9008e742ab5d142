"""What the report says, as sentences: from the finding, the calibration and the events, in words for a prosecutor.

Nothing here is surer than its source: a value that is not there is said to be unknown, chances are rounded away from
certainty, and what the software cannot know is said each time.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from leaktrace.caserecords import CheckAnswered, ContainmentConfirmed, FindingAttached, SubjectSet
from leaktrace.caserecords.against import NOTHING, against_by_checks, against_by_finding, unnamed_by_finding
from leaktrace.errors import ResponseError
from leaktrace.response.bundle.inputs import BundleInput

MAX_DOCUMENT_BYTES = 64 << 20
UNKNOWN = "not known"
_WORD = re.compile(r"[\w.@+:-]+")
ALWAYS_UNKNOWN = (
    "An account is not a person: the log shows which account opened a record, not who sat in front of it.",
    "What left without a record being opened (copies of the database, photographs, word of mouth) is in no log.",
    "Why somebody did it, whether they were paid, and whether they knew what the addresses were for.",
)


def document_of(content: bytes | None, what: str) -> dict[str, Any]:
    """The JSON object in a file of the bundle; empty where there is none. ResponseError where it is something else."""
    if content is None:
        return {}
    hint = "Attach the document again, as leaktrace wrote it."
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ResponseError(f"The {what} is larger than {MAX_DOCUMENT_BYTES} bytes.", hint)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ResponseError(f"The {what} of the case is no JSON.", hint) from error
    if not isinstance(document, dict):
        raise ResponseError(f"The {what} of the case is no JSON object.", hint)
    return document


def veiled(value: Any, marks: Mapping[str, str]) -> Any:
    """The document with every id that has a pseudonym replaced by it, wherever in a text it stands as a word."""
    if isinstance(value, dict):
        return {veiled(name, marks): veiled(one, marks) for name, one in value.items()}
    if isinstance(value, list):
        return [veiled(one, marks) for one in value]
    if not isinstance(value, str) or not marks:
        return value
    return marks.get(value) or _WORD.sub(lambda found: _marked(found[0], marks), value)


def _marked(word: str, marks: Mapping[str, str]) -> str:
    """An id may hold dots and dashes, and stand at the end of a sentence."""
    stem = word.rstrip(".-")
    return marks.get(word) or (marks[stem] + word[len(stem) :] if stem in marks else word)


def percent(value: Any) -> str:
    """`97 %`; near the ends never rounded to certainty."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return UNKNOWN
    if value > 0.999:
        return "over 99.9 %"
    if value < 0.001:
        return "under 0.1 %"
    return (
        f"{math.floor(value * 1000 + 1e-9) / 10:g} %" if value > 0.5 else f"{math.ceil(value * 1000 - 1e-9) / 10:g} %"
    )


def one_in(value: Any) -> str:
    """A chance of error, rounded up, as a natural frequency: `at most 4 in 1,000`."""
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        return UNKNOWN
    return f"at most {max(1, math.ceil(value * 1000 - 1e-9)):,} in 1,000"


def in_short(finding: Mapping[str, Any]) -> str:
    """The answer in one sentence."""
    named = _texts(finding.get("named"))
    match finding.get("outcome"):
        case "named" if named:
            return (
                f"The access log and the reported mails point to the account {' and '.join(named)}: the chance that it "
                f"is a source of the leak is {', '.join(percent(_chance(finding, one)) for one in named)}."
            )
        case "nobody":
            return "The reported mails are better explained without anybody inside. No account is suspected."
        case "undecided":
            return "Nobody is accused. The evidence does not decide between the explanations."
        case _:
            return "No finding is part of this bundle: it documents what was done, and accuses nobody."


def what_is_known(finding: Mapping[str, Any]) -> list[str]:
    """Counts behind the answer, and how it was found."""
    if not finding:
        return []
    evidence, told = _part(finding, "evidence"), []
    mails, log = _part(evidence, "window"), _part(_part(finding, "log_coverage"), "window")
    told.append(
        f"Weighed were reports of unwanted mail: {_count(evidence, 'report_count')}, by customers: "
        f"{_count(evidence, 'customer_count')}; mails to decoys (customers who do not exist): "
        f"{_count(evidence, 'decoy_hit_count')}. The mails came from {_day(mails.get('start'))} to "
        f"{_day(mails.get('end'))}; accesses counted where the log shows them from {_day(log.get('start'))} to "
        f"{_day(log.get('end'))}."
    )
    told += [
        f"{one.get('principal')} had opened {_count(one, 'opened_count')} of these customers' records before their "
        f"mail came. An innocent colleague with the same kind of work would have opened about "
        f"{_decimal(one.get('expected_opened_count'))}."
        for one in _list(finding, "candidates")
        if one.get("principal") in _texts(finding.get("named"))
    ]
    for one in _list(finding, "sets"):
        members = _texts(one.get("principals"))
        if len(members) > 1:
            told.append(
                f"{len(members)} accounts cannot be told apart by this evidence ({', '.join(members[:8])}). The chance "
                f"that one of them is a source is {percent(one.get('probability'))}. None of them alone is accused."
            )
    told.append(
        f"The chance that nobody inside is a source is {percent(finding.get('no_insider_probability'))}. Somebody is "
        f"named only at {percent(finding.get('naming_threshold'))} or more, and only if no colleague explains "
        f"the reports as well."
    )
    told += [text for text in [_part(finding, "matched_on").get("sentence")] if isinstance(text, str) and text]
    return told


def who_sent(given: BundleInput) -> list[str]:
    """To which seller the mails are tied, and how surely: a claim of its own beside who inside is the source."""
    attached = [
        one.event for one in given.events if one.entry.case == given.case and isinstance(one.event, FindingAttached)
    ]
    if not attached:
        return []
    seller, chance = attached[-1].seller, attached[-1].seller_probability
    if seller is None:
        return ["The mails are tied to no seller."]
    return [
        f"The mails are tied to the seller {seller}; the chance that this seller sent them is "
        f"{percent(float(chance)) if chance else UNKNOWN}. Who sent them and who inside is the source are two claims; "
        f"what anybody can write into a mail never brings this one above one half."
    ]


def how_sure(calibration: Mapping[str, Any]) -> list[str]:
    """How often this software is wrong on this log, from campaigns planted into it."""
    rows = [
        row for row in _list(calibration, "pooled") if row.get("report_count") is None and row.get("campaign_count")
    ]
    if not rows:
        return [
            "How often the software names wrongly on this log was not measured. Its probabilities are its own claim."
        ]
    told = [
        "Before it was believed, the software was tried on this very log: leaks that did not happen were planted into "
        "it, with a known source or with none, and the software had to answer."
    ]
    for row in rows:
        kind = "with a source inside" if row.get("has_source") else "without anybody inside"
        right = f" named rightly {row.get('named_rightly_count', UNKNOWN)} times," if row.get("has_source") else ""
        told.append(
            f"Of {row['campaign_count']:,} planted campaigns {kind}, it{right} named wrongly "
            f"{row.get('named_wrongly_count', UNKNOWN)} times, and gave no name in {_nameless(row):,}. Wrong names are "
            f"therefore, with 95 % confidence, {one_in(row.get('named_wrongly_upper_probability'))} such campaigns."
        )
    told += [f"This assumes: {_sentence(text)}" for text in _texts(calibration.get("assumes"))]
    return told


def what_is_not_known(given: BundleInput, finding: Mapping[str, Any], calibration: Mapping[str, Any]) -> list[str]:
    """Limits of the answer: what a defence will ask first."""
    told = list(ALWAYS_UNKNOWN)
    told += [text for text in [_part(finding, "undecided").get("sentence")] if isinstance(text, str)]
    coverage = _part(finding, "log_coverage")
    told += [text for text in [coverage.get("sentence")] if isinstance(text, str)]
    told += [text for one in _list(coverage, "gaps") if isinstance(text := one.get("sentence"), str)]
    told += [f"The trial runs do not show: {_sentence(text)}" for text in _texts(calibration.get("does_not_show"))]
    if finding and not _answers(given):
        told.append("Whether the account was shared, or its session stolen, was not looked into.")
    if given.exposure is not None and given.exposure.only_email == "cannot_be_said":
        told.append(f"Whether only e-mail addresses were given away: {given.exposure.only_email_reason}")
    if not given.tokens:
        told.append("No timestamp authority vouches for when the custody log was in this state.")
    return told


def what_speaks_against(given: BundleInput, finding: Mapping[str, Any]) -> list[str]:
    """What is on record against the suspicion of whom the case, its checks or the finding are about."""
    answers = _answers(given)
    set_last = [one.event for one in given.events if isinstance(one.event, SubjectSet)][-1:]
    subjects = [name for one in set_last for name in one.principals]
    weighed = [str(one.get("principal")) for one in _list(finding, "why")]
    about = tuple(dict.fromkeys((*subjects, *(subject for subject, _ in answers), *weighed)))
    told: list[str] = [] if about else ["No account is suspected here."]
    for one in about:
        told += against_by_checks(one, answers)
        told += unnamed_by_finding(one, finding) if finding and one in subjects else ()
        told += against_by_finding(one, finding)
    return told or [NOTHING]


def _answers(given: BundleInput) -> dict[tuple[str, str], CheckAnswered]:
    """The last answer to each check of each subject."""
    events = (one.event for one in given.events)
    return {(event.subject, event.check): event for event in events if isinstance(event, CheckAnswered)}


def whose_data(given: BundleInput) -> list[str]:
    """How many customers, which fields; never who."""
    exposure = given.exposure
    if exposure is None:
        return ["No list of affected customers is part of this bundle."]
    by_certainty = {
        name: sum(row.certainty == name for row in exposure.rows) for name in ("confirmed", "likely", "possible")
    }
    fields = sorted({name for row in exposure.rows for name in (*row.fields, *row.widened_by)})
    answer = {"yes": "Yes", "no": "No", "cannot_be_said": "That cannot be said"}[exposure.only_email]
    return [
        f"{len(exposure.rows):,} customers: {by_certainty['confirmed']:,} confirmed, {by_certainty['likely']:,} "
        f"likely, {by_certainty['possible']:,} possible. Fields that had been shown: {', '.join(fields) or 'none'}.",
        f"Only e-mail addresses? {answer}. {exposure.only_email_reason}",
    ]


def what_was_done(given: BundleInput) -> list[str]:
    """Access that was ended, as reading back showed it."""
    states = {one.event.target: one.event.state for one in given.events if isinstance(one.event, ContainmentConfirmed)}
    return [f"{target}: {state.replace('_', ' ')}, as read back from the system." for target, state in states.items()]


def _chance(finding: Mapping[str, Any], principal: str) -> Any:
    return next(
        (one.get("probability") for one in _list(finding, "candidates") if one.get("principal") == principal), None
    )


def _nameless(row: Mapping[str, Any]) -> int:
    return sum(value for name in ("nobody_count", "undecided_count") if isinstance(value := row.get(name), int))


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _list(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = document.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> Sequence[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _count(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return f"{value:,}" if isinstance(value, int) else UNKNOWN


def _decimal(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, int | float) and math.isfinite(value) else UNKNOWN


def _day(value: Any) -> str:
    return value[:10] if isinstance(value, str) else UNKNOWN
