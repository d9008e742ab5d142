"""Notices of a case, from plan to bounce: wires the outbox with the case, the company's directory and its relay.

Nothing is sent that two people did not agree to: the parameters of the approval are computed again from what is
about to be done, at every run, not only at the first.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from leaktrace.caserecords import (
    Approvals,
    CaseDiary,
    ExposureList,
    NoticesPlanned,
    NoticesReconciled,
    RecordedEvent,
    TranslationApproved,
    digest_of,
)
from leaktrace.errors import ApprovalError, ResponseError
from leaktrace.noticereports import (
    BounceReport,
    FrozenList,
    PlanFacts,
    PlanReport,
    Preview,
    SendReport,
    TemplateInfo,
)
from leaktrace.response.notices import (
    Around,
    Batch,
    BatchStatus,
    Directory,
    Left,
    Letterhead,
    MailForm,
    NoBounce,
    NoticeConfig,
    NoticeFacts,
    NoticePlan,
    NoticeTokens,
    Outbox,
    PlanRules,
    Relay,
    Sender,
    SmtpRelay,
    Template,
    TemplateShelf,
    Variant,
    approve_translation,
    claiming,
    facts_of,
    filled,
    forms_of,
    load_signer,
    not_approved,
    open_directory,
    planned,
    read_bounce,
    rules_of,
)
from leaktrace.response.notices.bouncefiles import bounce_messages

STOP = "outbox.stop"


class NoticeCase(Protocol):
    """What notices need of the case room."""

    def require_reader(self, case: str) -> None:
        """NotAllowedError for whoever may not read the case: who was told is part of it."""

    def exposure(self, case: str) -> FrozenList:
        """The frozen list of the case, customers by pseudonym; CaseError where none is frozen."""

    def customers(self, case: str, request: str) -> Mapping[str, str]:
        """Pseudonym -> customer id of everybody on it, under an approval of `send_notices` that is being used."""

    def translations(self, case: str) -> Iterable[TranslationApproved]:
        """Every approved translation that holds in this case."""

    def sellers_domains(self, case: str) -> frozenset[str]:
        """Mail domains of the sellers the case is about."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What sending takes from outside; tests put in their own."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    relay: Callable[[NoticeConfig], Relay] = lambda config: SmtpRelay(config.relay)
    directory: Callable[[NoticeConfig, Sequence[str]], Directory] = lambda config, wanted: open_directory(
        config.directory, wanted
    )


class NoticeDesk:
    """Notices as a person works with them. `folder`: `response` in the workspace; `secret`: of the workspace's key."""

    def __init__(
        self,
        folder: Path,
        secret: bytes,
        config: Callable[[], NoticeConfig],
        cases: NoticeCase,
        approvals: Approvals,
        diary: CaseDiary,
        outside: Outside | None = None,
    ) -> None:
        self._folder = folder
        self._tokens = NoticeTokens(secret)
        self._config = config
        self._cases = cases
        self._approvals = approvals
        self._diary = diary
        self._outside = outside or Outside()

    # --- templates ----------------------------------------------------------------------------------------

    def templates(self, case: str | None = None) -> tuple[TemplateInfo, ...]:
        """Every template, and whether this case may use it."""
        known = self._approved(case) if case is not None else frozenset()
        return tuple(
            TemplateInfo(one.law, one.language, one.sha256, one.shipped, (one.name, one.sha256) in known)
            for one in self._shelf(self._config()).all()
        )

    def template(self, law: str, language: str, *, case: str | None = None) -> Template:
        """One template as it would be used, in a case for whoever may read that."""
        if case is not None:
            self._cases.require_reader(case)
        return self._shelf(self._config()).get(law, language)

    def approve_translation(self, case: str, law: str, language: str, request: str) -> RecordedEvent:
        """Uses an approval by two people for exactly the present text."""
        template = self.template(law, language, case=case)
        return approve_translation(case, request, template, self._approvals, self._diary)

    # --- planning -----------------------------------------------------------------------------------------

    def plan(self, case: str, said: PlanFacts) -> PlanReport:
        """Plans a batch for everybody on the frozen list; nothing is sent."""
        exposure = self._cases.exposure(case)  # before the settings: what is wrong with them is for who may be here
        config = self._config()
        facts = replace(
            config.facts(),
            noticed_on=said.noticed_on,
            occurred_from=said.occurred_from or _first_day(exposure.veiled),
            occurred_to=said.occurred_to or _day(exposure.veiled.window_end_at),
            measures=said.measures,
            safeguards=said.safeguards,
        )
        rules = PlanRules(said.least_certainty, config.default_language, config.consented_laws)
        plan = self._planned(case, said.version, exposure, rules, facts, config)
        variants = {(one.law, one.language, one.fields) for one in plan.notices if one.suppressed is None}
        filled(self._shelf(config), facts, sorted(variants))
        suppressed_count = len(plan.notices) - plan.planned_count
        with Outbox(self._folder) as outbox:
            outbox.require_new(case, said.version)
            # Written down before it is so: a plan that nobody wrote down could be sent by nobody's word.
            event = NoticesPlanned(plan.version, plan.exposure_sha256, plan.planned_count, suppressed_count)
            self._diary.record(case, event)
            outbox.plan(case, said.version, plan.document(rules), plan.notices, self._outside.clock())
        return PlanReport(
            case,
            plan.version,
            len(plan.notices),
            plan.planned_count,
            dict(sorted(Counter(one.suppressed for one in plan.notices if one.suppressed).items())),
            dict(
                sorted(Counter(f"{one.law}/{one.language}" for one in plan.notices if one.suppressed is None).items())
            ),
            plan.parameters(),
            digest_of(plan.parameters()),
            not_approved(plan.templates, self._approved(case)),
        )

    def parameters(self, case: str, version: str | None = None) -> dict[str, Any]:
        """What an approval of sending must be about, for a batch that is planned."""
        with Outbox(self._folder) as outbox:
            return dict(outbox.batch(case, version).document["parameters"])

    def preview(self, case: str, person: str, version: str | None = None) -> Preview:
        """What one person gets, exactly, but for the address."""
        self._cases.require_reader(case)
        with Outbox(self._folder) as outbox:
            batch = outbox.batch(case, version)
            one = outbox.planned_for(batch, person)
        template = self.template(one.law, one.language)
        variant = (one.law, one.language, one.fields)
        text = filled(self._shelf(self._config()), facts_of(batch.document), [variant])[variant].addressed(one.notice)
        approved = (template.name, template.sha256) in self._approved(case)
        return Preview(
            person, one.law, one.language, template.sha256, approved, one.suppressed, text.subject, text.text, text.html
        )

    # --- sending ------------------------------------------------------------------------------------------

    def send(
        self,
        case: str,
        approval: str | None = None,
        *,
        version: str | None = None,
        canary: int | None = None,
        go_on: bool = False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> SendReport:
        """Sends what waits, or the first few and then waits for a person; resumes where an earlier run ended.

        ApprovalError, ResponseError before the first mail where anything is not as it was agreed to.
        """
        self._cases.require_reader(case)
        config = self._config()
        with Outbox(self._folder) as outbox:
            batch = outbox.batch(case, version)
            exposure = self._cases.exposure(case)
            self._verify(batch, exposure, config)
            texts = filled(self._shelf(config), facts_of(batch.document), outbox.variants(batch))
            outbox.sums(batch)
            forms = forms_of(texts, self._head(config))
            batch = self._begin(outbox, batch, approval, config.canary_count if canary is None else canary, go_on=go_on)
            around = self._around(batch, config, forms, progress)
            with claiming(outbox, batch, self._outside.clock, fsync_each=config.fsync_each) as claims:
                left = None if batch.continued_at else max(0, batch.canary_count - outbox.attempted_count(batch))
                limits = replace(config.limits, canary_left_count=left if batch.canary_count else None)
                result = Sender(claims, around, limits).run()
            self._reconciled(outbox, batch)
            return SendReport(
                result.reason, result.attempted_count, claims.recovered_unknown_count, outbox.status(batch)
            )

    def _around(
        self,
        batch: Batch,
        config: NoticeConfig,
        forms: Mapping[Variant, MailForm],
        progress: Callable[[int], None],
    ) -> Around:
        people = self._cases.customers(batch.case, str(batch.approval))
        directory = self._outside.directory(config, list(people.values()))
        return Around(
            relay=self._outside.relay(config),
            addresses_of=lambda persons: _addresses(directory, people, persons),
            forms=forms,
            sellers_domains=self._cases.sellers_domains(batch.case),
            stopped=partial(os.path.exists, os.fspath(self._folder / STOP)),
            clock=self._outside.clock,
            monotonic=self._outside.monotonic,
            sleep=self._outside.sleep,
            progress=progress,
        )

    def stop(self) -> None:
        """Stops every sender of this workspace before its next mail; `send --continue` lets them go on."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / STOP).touch(mode=0o600)

    def status(self, case: str, version: str | None = None) -> BatchStatus:
        """How far the batch is; the sums always add up."""
        self._cases.require_reader(case)
        with Outbox(self._folder) as outbox:
            return outbox.status(outbox.batch(case, version))

    def left(self, case: str, version: str | None = None) -> tuple[Left, ...]:
        """Whom a mail did not reach for certain: to be told in another way."""
        self._cases.require_reader(case)
        with Outbox(self._folder) as outbox:
            return outbox.left(outbox.batch(case, version))

    # --- bounces ------------------------------------------------------------------------------------------

    def bounces(self, paths: Iterable[Path]) -> BounceReport:
        """Reads delivery reports: files of one message, mbox files, folders of either."""
        domain, now = self._config().bounce_domain, self._outside.clock()
        counts = dict.fromkeys(BounceReport.__dataclass_fields__, 0)
        with Outbox(self._folder) as outbox:
            for raw in bounce_messages(paths):
                counts["message_count"] += 1
                found = read_bounce(raw, self._tokens, domain)
                if isinstance(found, NoBounce):
                    counts["forged_count" if found.why == "forged_or_foreign" else "other_count"] += 1
                elif outbox.add_bounce(found.notice, found.report_sha256, found.kind, found.action, found.status, now):
                    counts[f"{found.kind}_count"] += 1
                else:
                    counts["already_known_count"] += 1
        return BounceReport(**counts)

    # --- inside -------------------------------------------------------------------------------------------

    def _shelf(self, config: NoticeConfig) -> TemplateShelf:
        return TemplateShelf(config.template_folder)

    def _approved(self, case: str) -> frozenset[tuple[str, str]]:
        return frozenset((f"{one.template}/{one.language}", one.sha256) for one in self._cases.translations(case))

    def _planned(
        self,
        case: str,
        version: str,
        exposure: FrozenList,
        rules: PlanRules,
        facts: NoticeFacts,
        config: NoticeConfig,
    ) -> NoticePlan:
        return planned(
            exposure.veiled,
            exposure.sha256,
            case,
            version,
            tokens=self._tokens,
            rules=rules,
            facts=facts,
            sender=config.from_address,
            template_of=self._shelf(config).get,
        )

    def _verify(self, batch: Batch, exposure: FrozenList, config: NoticeConfig) -> None:
        """Checks 1 the list, texts, counts and sender are those of the plan; 2 the texts are approved."""
        rules, facts = rules_of(batch.document), facts_of(batch.document)
        again = self._planned(batch.case, batch.version, exposure, rules, facts, config)
        then, now = batch.document["parameters"], again.parameters()
        if changed := sorted(name for name in now if now[name] != then.get(name)):  # 1
            raise ResponseError(
                f"Since notices for {batch.case} were planned, this has changed: {', '.join(changed)}.",
                "Nothing was sent. Plan a new version and have that approved.",
            )
        if drafts := not_approved(again.templates, self._approved(batch.case)):  # 2
            raise ResponseError(
                f"Nobody approved these texts: {', '.join(drafts)}.",
                "Nothing was sent. Read them with `leaktrace notify preview`, then `notify approve-translation`.",
            )

    def _begin(self, outbox: Outbox, batch: Batch, approval: str | None, canary_count: int, *, go_on: bool) -> Batch:
        """Checks 3 two people agreed to exactly this; 4 nobody has stopped it; 5 the canaries were looked at."""
        parameters = batch.document["parameters"]
        digest = digest_of(parameters)
        if go_on:
            (self._folder / STOP).unlink(missing_ok=True)
        elif (self._folder / STOP).exists():
            raise ResponseError("Sending was stopped.", "To go on: leaktrace notify send CASE --continue.")
        if batch.approval is None and approval is None:
            raise ApprovalError(
                "Notices are sent only with an approval by two people.", "Ask for one, then say --approval A-…."
            )
        if batch.approval is not None and batch.parameters_sha256 != digest:
            raise ApprovalError(
                f"The approval {batch.approval} is not about this batch.", "Plan a new version and have that approved."
            )
        if approval not in (None, batch.approval):
            used = self._approvals.use(batch.case, str(approval), "send_notices", batch.version, parameters)
            outbox.approve(batch, str(approval), used.envelope_sha256, digest)
            if batch.approval is None:
                outbox.set_canary(batch, canary_count)
        if go_on and batch.canary_count and outbox.attempted_count(batch) >= batch.canary_count:
            outbox.go_on(batch, self._outside.clock())
        return outbox.batch(batch.case, batch.version)

    def _head(self, config: NoticeConfig) -> Letterhead:
        return Letterhead(
            config.from_name,
            config.from_address,
            config.reply_to,
            config.bounce_mailbox,
            config.bounce_domain,
            self._tokens,
            load_signer(config.dkim_key_file, config.dkim_domain, config.dkim_selector),
        )

    def _reconciled(self, outbox: Outbox, batch: Batch) -> None:
        sums = outbox.sums(batch)
        self._diary.record(
            batch.case,
            NoticesReconciled(
                batch.version,
                sums.frozen_count,
                sums.accepted_count,
                sums.refused_count,
                sums.unknown_count,
                sums.suppressed_count,
                sums.waiting_count,
            ),
        )


def _addresses(directory: Directory, people: Mapping[str, str], persons: Sequence[str]) -> dict[str, str]:
    found = directory.addresses([people[person] for person in persons if person in people])
    return {person: found[people[person]] for person in persons if people.get(person) in found}


def _first_day(exposure: ExposureList) -> date | None:
    """The first day on which anybody's data on the list were shown: the window may begin long before any log does."""
    return min((row.first_shown_at.date() for row in exposure.rows), default=_day(exposure.window_start_at))


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()
