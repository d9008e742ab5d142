"""A complaint in words: the letter is not there, only what the customer says about it."""

from __future__ import annotations

import numpy as np

from leaktrace.simulate.envelope import Complaint, opening_headers
from leaktrace.simulate.mime import Encoding, entity, uuid
from leaktrace.simulate.wording import wording


def build(rng: np.random.Generator, complaint: Complaint) -> bytes:
    """The customer's own words, plain text; a line may well begin with "From"."""
    sentences = wording("words")[complaint.reporter.language]
    choices = sentences["plain"]
    text = choices[int(rng.integers(0, len(choices)))].format(seller=complaint.letter.sender_name)
    subjects = sentences["plain_subjects"]
    subject = subjects[int(rng.integers(0, len(subjects)))]
    message_id = f"{uuid(rng).lower()}@{complaint.from_address.rpartition('@')[2]}"
    body = f"{text}\n\n{complaint.reporter.name}\n"
    encoding: Encoding = "7bit" if body.isascii() else "8bit"
    return entity(opening_headers(rng, complaint, subject, message_id), body, encoding=encoding)
