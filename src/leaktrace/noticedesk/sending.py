"""What the sender is given besides the batch: the letterhead, people's addresses, the relay, the sign to stop."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from leaktrace.noticedesk.needs import NoticeCase, Outside
from leaktrace.response.notices import (
    Around,
    Batch,
    Directory,
    Letterhead,
    MailForm,
    NoticeConfig,
    NoticeTokens,
    Variant,
    load_signer,
)


def letterhead(config: NoticeConfig, tokens: NoticeTokens) -> Letterhead:
    """From whom a mail is, where answers and bounces go, and who signs it."""
    return Letterhead(
        config.from_name,
        config.from_address,
        config.reply_to,
        config.bounce_mailbox,
        config.bounce_domain,
        tokens,
        load_signer(config.dkim_key_file, config.dkim_domain, config.dkim_selector),
    )


def around(
    batch: Batch,
    config: NoticeConfig,
    forms: Mapping[Variant, MailForm],
    *,
    cases: NoticeCase,
    outside: Outside,
    stop: Path,
    progress: Callable[[int], None],
) -> Around:
    """What the sender works with; the batch's approval, which is being used, opens who is on the list."""
    people = cases.customers(batch.case, str(batch.approval))
    directory = outside.directory(config, list(people.values()))
    return Around(
        relay=outside.relay(config),
        addresses_of=lambda persons: _addresses(directory, people, persons),
        forms=forms,
        sellers_domains=cases.sellers_domains(batch.case),
        stopped=partial(os.path.exists, os.fspath(stop)),
        clock=outside.clock,
        monotonic=outside.monotonic,
        sleep=outside.sleep,
        progress=progress,
    )


def _addresses(directory: Directory, people: Mapping[str, str], persons: Sequence[str]) -> dict[str, str]:
    found = directory.addresses([people[person] for person in persons if person in people])
    return {person: found[people[person]] for person in persons if people.get(person) in found}
