"""Notices of a case, from plan to bounce: wires the outbox with the case, the company's directory and its relay.

Nothing is sent that two people did not agree to: the parameters of the approval are computed again from what is
about to be done, at every run, not only at the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from leaktrace.caserecords import Approvals, CaseDiary, NoticesPlanned, NoticesReconciled, RecordedEvent
from leaktrace.noticedesk.checks import (
    go_past_canaries,
    lift_stop,
    require_agreed,
    require_approved_texts,
    require_as_planned,
    require_found,
    require_not_stopped,
    require_somebody_told,
    require_version,
)
from leaktrace.noticedesk.needs import NoticeCase, Outside
from leaktrace.noticedesk.planning import (
    again_said,
    facts_said,
    no_entry_of,
    plan_of,
    report_of,
    require_days_past,
    shelf_of,
    told_less_count,
)
from leaktrace.noticedesk.reports import (
    BounceReport,
    FrozenList,
    PlanFacts,
    PlanReport,
    Preview,
    SendReport,
    TemplateInfo,
)
from leaktrace.noticedesk.sending import around, letterhead
from leaktrace.response.notices import (
    Batch,
    BatchStatus,
    Left,
    NoBounce,
    NoticeConfig,
    NoticeTokens,
    Outbox,
    PlanRules,
    Sender,
    Template,
    approve_translation,
    claiming,
    facts_of,
    filled,
    forms_of,
    not_approved,
    read_bounce,
    rules_of,
)
from leaktrace.response.notices.bouncefiles import bounce_messages

STOP = "outbox.stop"


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
        self._folder, self._stop_file = folder, folder / STOP
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
            for one in shelf_of(self._config()).all()
        )

    def template(self, law: str, language: str, *, case: str | None = None) -> Template:
        """One template as it would be used, in a case for whoever may read that."""
        if case is not None:
            self._cases.require_reader(case)
        return shelf_of(self._config()).get(law, language)

    def approve_translation(self, case: str, law: str, language: str, request: str) -> RecordedEvent:
        """Uses an approval by two people for exactly the present text."""
        template = self.template(law, language, case=case)
        return approve_translation(case, request, template, self._approvals, self._diary)

    # --- planning -----------------------------------------------------------------------------------------

    def plan(self, case: str, said: PlanFacts) -> PlanReport:
        """Plans a batch for everybody on the frozen list; nothing is sent."""
        self._cases.require_teller(case, NoticesPlanned)
        exposure = self._cases.exposure(case)  # before the settings: what is wrong with them is for who may be here
        require_days_past(said, self._outside.clock())
        config = self._config()
        facts = facts_said(said, exposure.veiled, config)
        rules = PlanRules(said.least_certainty, config.default_language, config.consented_laws)
        with Outbox(self._folder) as outbox:
            outbox.require_new(case, said.version)
            told, told_fields = outbox.told(case), outbox.told_fields(case)
        plan = plan_of(
            case, said.version, exposure, rules=rules, facts=facts, config=config, tokens=self._tokens, told=told,
            again_because=said.again_because,
        )  # fmt: skip
        plan = replace(plan, no_entry=no_entry_of(facts.measures, self._cases.measures_borne(case)))
        require_somebody_told(plan)
        variants = {(one.law, one.language, one.fields) for one in plan.notices if one.suppressed is None}
        filled(shelf_of(config), facts, sorted(variants))
        suppressed_count = len(plan.notices) - plan.planned_count
        with Outbox(self._folder) as outbox:
            outbox.require_new(case, said.version)
            if said.again_because:
                self._cases.note(case, again_said(plan))
            # Written down before it is so: a plan that nobody wrote down could be sent by nobody's word.
            event = NoticesPlanned(plan.version, plan.exposure_sha256, plan.planned_count, suppressed_count)
            self._diary.record(case, event)
            outbox.plan(case, said.version, plan.document(rules), plan.notices, self._outside.clock())
        templates = not_approved(plan.templates, self._approved(case))
        return report_of(case, plan, templates, told_less_count(plan, told_fields))

    def parameters(self, case: str, version: str | None = None) -> dict[str, Any]:
        """What an approval of sending must be about, for a batch that is planned."""
        with Outbox(self._folder) as outbox:
            return dict(outbox.batch(case, version).document["parameters"])

    def preview(self, case: str, who: str, version: str | None = None, why: str = "") -> Preview:
        """What one person gets or got, exactly, but for the address, and how far it is.

        `who`: a pseudonym, or the reference in a notice; with `why`, which is written down, a customer's id.
        """
        self._cases.require_reader(case)
        with Outbox(self._folder) as outbox:
            outbox.batch(case, version)  # ResponseError where nothing was planned
            kept = outbox.kept(case, who.strip(), version)
            if kept is None and why.strip():
                kept = outbox.kept(case, self._cases.customer_named(case, who.strip(), why), version)
            kept = require_found(kept, case)
            one, batch = kept.planned, outbox.batch(case, kept.version)
            told_by = outbox.told(case, but=batch).get(one.person)
        sent = kept.state in ("accepted", "refused", "unknown")
        left_out = "told_meanwhile" if told_by and not sent and not batch.told_again else None
        template = self.template(one.law, one.language)
        variant = (one.law, one.language, one.fields)
        text = filled(shelf_of(self._config()), facts_of(batch.document), [variant])[variant].addressed(one.notice)
        approved = (template.name, template.sha256) in self._approved(case)
        return Preview(
            one.person, kept.version, one.notice, kept.state, kept.changed_at, one.law, one.language, template.sha256,
            approved, one.suppressed or left_out, told_by, text.subject, text.text, text.html,
        )  # fmt: skip

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
        self._cases.require_teller(case, NoticesReconciled)
        config = self._config()
        with Outbox(self._folder) as outbox:
            batch = outbox.batch(case, version)
            if approval is not None:
                about = self._cases.version_asked(case, approval)
                require_version(approval, about, batch, chosen=version is not None)
            exposure = self._cases.exposure(case)
            self._verify(outbox, batch, exposure, config)
            texts = filled(shelf_of(config), facts_of(batch.document), outbox.variants(batch))
            outbox.sums(batch)
            forms = forms_of(texts, letterhead(config, self._tokens))
            batch = self._begin(outbox, batch, approval, config.canary_count if canary is None else canary, go_on=go_on)
            with_what = around(
                batch,
                config,
                forms,
                cases=self._cases,
                outside=self._outside,
                stop=self._stop_file,
                progress=progress,
            )
            with claiming(outbox, batch, self._outside.clock, fsync_each=config.fsync_each) as claims:
                # Under the lock: a sender still at work, who is to stop, has it until then.
                lift_stop(self._stop_file, go_on=go_on)
                if go_on:
                    batch = go_past_canaries(outbox, batch, self._outside.clock())
                left = None if batch.continued_at else max(0, batch.canary_count - outbox.attempted_count(batch))
                limits = replace(config.limits, canary_left_count=left if batch.canary_count else None)
                result = Sender(claims, with_what, limits).run()
            self._reconciled(outbox, batch)
            return SendReport(
                result.reason, result.attempted_count, claims.recovered_unknown_count, outbox.status(batch)
            )

    def stop(self) -> None:
        """Stops every sender of this workspace before its next mail; `send --continue` lets them go on."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._stop_file.touch(mode=0o600)

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
        """Reads delivery reports: files of one message, mbox files, folders of either.

        NotAllowedError for one of a case that this person does not read; what came before it is kept.
        """
        domain, now = self._config().bounce_domain, self._outside.clock()
        counts, read = dict.fromkeys(BounceReport.__dataclass_fields__, 0), set[str]()
        with Outbox(self._folder) as outbox:
            for raw in bounce_messages(paths):
                counts["message_count"] += 1
                found = read_bounce(raw, self._tokens, domain)
                if isinstance(found, NoBounce):
                    counts["forged_count" if found.why == "forged_or_foreign" else "other_count"] += 1
                    continue
                case = outbox.case_of(found.notice)
                if case is not None and case not in read:
                    self._cases.require_reader(case)
                    read.add(case)
                if outbox.add_bounce(found.notice, found.report_sha256, found.kind, found.action, found.status, now):
                    counts[f"{found.kind}_count"] += 1
                else:
                    counts["already_known_count"] += 1
        return BounceReport(**counts)

    # --- inside -------------------------------------------------------------------------------------------

    def _approved(self, case: str) -> frozenset[tuple[str, str]]:
        return frozenset((f"{one.template}/{one.language}", one.sha256) for one in self._cases.translations(case))

    def _verify(self, outbox: Outbox, batch: Batch, exposure: FrozenList, config: NoticeConfig) -> None:
        """Checks 1 and 2."""
        rules, facts = rules_of(batch.document), facts_of(batch.document)
        told, because = outbox.told(batch.case, but=batch), str(batch.document["parameters"].get("again_because", ""))
        if not because:  # whom another version reached since the plan, `claiming` takes out: fewer than was agreed to
            left_out = outbox.left_out(batch)
            told = {person: version for person, version in told.items() if person in left_out}
        again = plan_of(
            batch.case, batch.version, exposure, rules=rules, facts=facts, config=config, tokens=self._tokens,
            told=told, again_because=because,
        )  # fmt: skip
        # What was agreed to be said without an entry may have got one since; nothing else may lack one by now.
        before = batch.document["parameters"].get("no_entry_in_the_case", ())
        no_entry = no_entry_of(facts.measures, self._cases.measures_borne(batch.case), before)
        require_as_planned(batch, replace(again, no_entry=no_entry))
        require_approved_texts(again, self._approved(batch.case))

    def _begin(self, outbox: Outbox, batch: Batch, approval: str | None, canary_count: int, *, go_on: bool) -> Batch:
        """Checks 3 and 4; the batch as it is sent."""
        require_not_stopped(self._stop_file, go_on=go_on)
        require_agreed(outbox, batch, self._approvals, approval, canary_count)
        return outbox.batch(batch.case, batch.version)

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
