"""Opens a workspace and wires the rooms: the public Python API (DESIGN 4.2)."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING

from leaktrace import lookuplog
from leaktrace.calibration.plan import CAMPAIGNS, NOISE, SIZES, Plan
from leaktrace.casedesk.custody import Custody, CustodyCheck, has_custody, keeper_of
from leaktrace.caserecords import ExhibitStored
from leaktrace.cases import Actor
from leaktrace.cases.custody import NoteKey
from leaktrace.errors import NotAllowedError, UsageError, meant
from leaktrace.folder import LOOKUPS, Opened, create_folder, mark_folder, open_folder, require_writable
from leaktrace.instants import moved
from leaktrace.intake.acknowledging import Acknowledger
from leaktrace.intake.keptevidence import KeptEvidence
from leaktrace.intake.mailflow import MailFlow
from leaktrace.intake.receiving import open_way, receive_all
from leaktrace.keykeeping import Area, BackedUp, KeyStatus, Rotated, back_up, finish_rotation
from leaktrace.keykeeping import status as key_status
from leaktrace.ledger import (
    Around,
    DuckLedger,
    OpenAnswers,
    Pace,
    Progress,
    Signed,
    StreamAsked,
    answers_of,
)
from leaktrace.mailroom import FoundAnswer, FoundKey
from leaktrace.mailroom.ways import Stop, Tell, WayAsked
from leaktrace.namedpaths import AnyPath, as_paths, files_of
from leaktrace.previewing import preview_tables
from leaktrace.records import (
    EVERY_FIELD,
    TABLES,
    Calibration,
    CallBack,
    Campaign,
    CampaignDecision,
    CampaignDetail,
    Compaction,
    Erasure,
    Evidence,
    ExposedCustomer,
    Finding,
    IngestPreview,
    IngestReport,
    LedgerActs,
    LedgerCheck,
    LedgerStats,
    LegalHold,
    Link,
    MailReport,
    PersonLookup,
    Reindexed,
    Retention,
    Window,
)
from leaktrace.settings import Settings
from leaktrace.tracing.personprior import PersonPrior, person_prior_of, read_person_prior

if TYPE_CHECKING:
    # Attribution and cases are loaded when they are asked for: SciPy takes longer to load than `ledger stats` to run.
    from leaktrace.casedesk.desk import CaseDesk, CaseRoom
    from leaktrace.tracing.onetrace import Traced
    from leaktrace.tracing.traces import Traces

Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a workspace takes from outside: the environment, the clock, the user."""

    environment: Mapping[str, str]
    clock: Clock
    user: str


def _surroundings(environment: Mapping[str, str] | None, clock: Clock | None, user: str | None) -> Surroundings:
    return Surroundings(
        environment=os.environ if environment is None else environment,
        clock=clock or _utc_now,
        user=user or _whoami(),
    )


def _whoami() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def create(
    path: AnyPath,
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    user: str | None = None,
    engine: str = "index",
    master: str | None = None,
    lake: str | None = None,
) -> Workspace:
    """Makes a workspace in a new or empty folder, and its key file outside of it. Engines: see `open_workspace`."""
    around = _surroundings(environment, clock, user)
    answers = answers_of(engine, master, lake)
    opened = create_folder(Path(path), around.environment)
    lookuplog.start(opened.path / LOOKUPS, opened.keyring)
    mark_folder(opened, around.clock())
    return Workspace(opened, around, answers)


def open_workspace(
    path: AnyPath,
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    user: str | None = None,
    engine: str = "index",
    master: str | None = None,
    lake: str | None = None,
) -> Workspace:
    """Opens a workspace that exists.

    `engine`: what answers questions of the ledger, `index`, `duckdb` or `spark`: the same answers; `master`: URL of the
    cluster that Spark runs on, null: this machine; `lake`: URL of the copy of `ledger/lake` that it reads
    (docs/scale.md).
    """
    around = _surroundings(environment, clock, user)
    opened = open_folder(Path(path), around.environment)
    require_writable(opened.path)
    return Workspace(opened, around, answers_of(engine, master, lake))


def preview(
    table: str,
    paths: AnyPath | Iterable[AnyPath],
    *,
    file_format: str | None = None,
    options: Mapping[str, str] | None = None,
) -> IngestPreview:
    """What `ingest` would make of the first part of these files; needs no workspace and writes nothing."""
    files, notes = files_of(paths)
    seen = preview_tables(table, files, file_format, options)
    return replace(seen, notes=(*notes, *seen.notes))


def _name_of(campaign: Campaign | str) -> str:
    if not isinstance(campaign, Campaign | str):
        raise UsageError(
            f"A {type(campaign).__name__} is neither a campaign nor its id.",
            "For a file of evidence: trace(leaktrace.read_evidence(path)).",
        )
    return campaign.campaign if isinstance(campaign, Campaign) else campaign


def _timed(report: IngestReport, began: float, notes: tuple[str, ...] = ()) -> IngestReport:
    """With how long it took, and with what was noticed beforehand; `began` by the monotonic clock."""
    seconds = time.monotonic() - began
    rows = report.accepted_count + report.rejected_count
    return replace(
        report,
        seconds=round(seconds, 3),
        rows_per_second=round(rows / max(seconds, 0.001), 1),
        notes=(*notes, *report.notes),
    )


class Workspace:
    """One investigation's ledger, mail and look-up log."""

    def __init__(self, opened: Opened, around: Surroundings, answers: OpenAnswers | None = None) -> None:
        self._opened = opened
        self._around = around
        self._ledger = DuckLedger.open(opened.path / "ledger", opened.keyring, opened.settings, answers)
        try:
            self._evidence = KeptEvidence(opened.path / "evidence", opened.keyring)
            self._mail = MailFlow(opened, self._ledger, self._evidence)
        except BaseException:
            self._ledger.close()
            raise
        self._cases: CaseRoom | None = None

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of files and connections; a workspace that is not closed loses nothing."""
        if self._cases is not None:
            self._cases.close()
        self._mail.close()
        self._ledger.close()

    @property
    def path(self) -> Path:
        """The workspace's folder."""
        return self._opened.path

    @property
    def key_file(self) -> Path:
        """Where the key is; without it names and mail stay closed."""
        return self._opened.key_file

    @property
    def settings(self) -> Settings:
        """All settings in force."""
        return self._opened.settings

    @property
    def ledger(self) -> DuckLedger:
        """The ledger, to ask it directly. Looking a person up is logged by `look_up`, not here."""
        return self._ledger

    def ingest(
        self,
        table: str,
        paths: AnyPath | Iterable[AnyPath],
        *,
        file_format: str | None = None,
        options: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> IngestReport:
        """Reads files into a table (DESIGN 4.1); a folder is walked. `options`: what a log format's reader is told."""
        if table not in TABLES:
            raise UsageError(f"There is no table '{table}'.", f"{meant(table, TABLES)}Tables are: {', '.join(TABLES)}.")
        began = time.monotonic()
        files, notes = files_of(paths)
        if table == "evidence":
            if options:
                raise UsageError("Evidence is read without options.", "Leave --option out.")
            return _timed(self._evidence.ingest(files, file_format), began, notes)
        report = self._ledger.ingest(table, files, file_format=file_format, options=options, progress=progress)
        return _timed(report, began, notes)

    def follow(
        self,
        table: str,
        source: AnyPath | StreamAsked,
        *,
        file_format: str | None = None,
        options: Mapping[str, str] | None = None,
        pace: Pace | None = None,
        around: Around | None = None,
        progress: Progress | None = None,
    ) -> IngestReport:
        """Takes the lines of a growing file or a stream, each once, batch after batch, until `around.stop` says so."""
        began = time.monotonic()
        report = self._ledger.follow(
            table,
            source if isinstance(source, StreamAsked) else Path(source),
            file_format=file_format,
            options=options,
            pace=pace,
            around=around,
            progress=progress,
        )
        return _timed(report, began)

    def receive(self, paths: AnyPath | Iterable[AnyPath], *, progress: Progress | None = None) -> MailReport:
        """Stores and reads mail: mbox, Maildir, `.eml`, folders."""
        return self._mail.receive(list(as_paths(paths)), now=self._around.clock(), progress=progress)

    def dns_keys(self) -> tuple[FoundKey, ...]:
        """Every DKIM key record that was found when mail came, with when and by which server, oldest first."""
        return self._mail.dns_keys()

    def dns_answers(self) -> tuple[FoundAnswer, ...]:
        """Every SPF and DMARC record, with the addresses they lead to, that was found when mail came, oldest first.

        Names made of a mail's sender or client were asked for and not kept.
        """
        return self._mail.dns_answers()

    def receive_from(
        self,
        asked: WayAsked,
        *,
        stop: Stop = lambda: False,
        tell: Tell = lambda _: None,
        acknowledge: bool | None = None,
        progress: Progress | None = None,
    ) -> MailReport:
        """Takes in what comes by IMAP, to a listener or into followed mailboxes, until `stop` says so.

        `acknowledge`: whether reporters are thanked; null: as the settings say.
        """
        way = open_way(asked, self._opened)
        wanted = self.settings.acknowledge_reports if acknowledge is None else acknowledge
        with Acknowledger(self._opened, self._around.clock) if wanted else nullcontext() as acknowledger:
            return receive_all(
                self._mail,
                way,
                clock=self._around.clock,
                stop=stop,
                tell=tell,
                acknowledger=acknowledger,
                progress=progress,
            )

    def campaigns(self) -> tuple[Campaign, ...]:
        """All campaigns, most reports first."""
        return self._mail.campaigns()

    def campaign_detail(self, campaign: Campaign | str) -> CampaignDetail:
        """A campaign explained: its reports, why each is there, its seller's terms, what was decided about it."""
        return self._mail.flow.detail(_name_of(campaign))

    def split_campaign(self, campaign: Campaign | str, reports: Iterable[str], *, why: str) -> CampaignDecision:
        """Takes reports out of a campaign into a new one, for good: an event that stays written."""
        return self._mail.flow.split(
            _name_of(campaign), list(reports), who=self._around.user, why=why, now=self._around.clock()
        )

    def merge_campaigns(self, campaign: Campaign | str, other: Campaign | str, *, why: str) -> CampaignDecision:
        """Makes two campaigns one, for good; the first one's name stays. An event that stays written."""
        return self._mail.flow.merge(
            _name_of(campaign), _name_of(other), who=self._around.user, why=why, now=self._around.clock()
        )

    def undo_campaign_decision(self, number: int, *, why: str) -> CampaignDecision:
        """Takes a split or merge back, as an event of its own."""
        return self._mail.flow.undo(number, who=self._around.user, why=why, now=self._around.clock())

    def regroup(self) -> int:
        """Groups all reports anew, as if they had come at once; names and decisions stay. Returns how many."""
        return self._mail.flow.regroup()

    def evidence_of(self, campaign: Campaign | str) -> Evidence:
        """The evidence of a campaign: one item for each report whose customer is known."""
        return self._mail.evidence_of(_name_of(campaign))

    def trace(
        self,
        what: Campaign | str | Evidence,
        *,
        field: str = "email",
        why: str = "",
        pseudonyms: bool = False,
        prior: AnyPath | Mapping[str, float] | None = None,
        no_earlier_mail: bool = False,
    ) -> Finding:
        """Who gave the addresses of this campaign away, or that nobody did, or why that cannot be said.

        `prior`: weights of principals from elsewhere, a CSV file or principal -> weight; they decide nothing alone.
        `no_earlier_mail`: somebody checked that no earlier mail of this sender came, whose complaints were handled.
        """
        return self.trace_with_reasons(
            what, field=field, why=why, pseudonyms=pseudonyms, prior=prior, no_earlier_mail=no_earlier_mail
        ).finding

    def trace_with_reasons(
        self,
        what: Campaign | str | Evidence,
        *,
        field: str = "email",
        why: str = "",
        pseudonyms: bool = False,
        call_back: CallBack | None = None,
        prior: AnyPath | Mapping[str, float] | None = None,
        no_earlier_mail: bool = False,
    ) -> Traced:
        """`trace`, with the explanation that a page shows. The look-up is on disk before anything is looked up."""
        evidence = what if isinstance(what, Evidence) else self.evidence_of(what)
        if no_earlier_mail and not why.strip():
            raise UsageError(
                "That no earlier mail came is a fact of the case, and somebody must have checked it.",
                'Say who, and how: --why "support looked for complaints from 3 to 20 March, ticket 815".',
            )
        persons = _persons(prior)
        self._log("trace", f"{evidence.campaign} {field}", why)
        # One finding is about one state of the ledger, whatever is ingested meanwhile.
        with self._ledger.steady():
            traces = self._traces(no_earlier_mail=no_earlier_mail)
            return traces.one(evidence, field, persons=persons, pseudonyms=pseudonyms, call_back=call_back)

    def exposed_customers(self, traced: Traced, *, why: str = "") -> tuple[ExposedCustomer, ...]:
        """Whose data the named (else the first set) of a finding had been shown, and which fields; logged as a look-up.

        Nothing where nobody is suspected of anything.
        """
        from leaktrace.tracing.exposing import exposed_customers

        self._log("exposure list", f"{traced.finding.provenance.campaign} {traced.finding.provenance.field}", why)
        with self._ledger.steady():
            return () if traced.whose is None else exposed_customers(self._ledger, traced.whose)

    def link(
        self,
        a: Campaign | str | Evidence,
        b: Campaign | str | Evidence,
        *,
        field: str = "email",
        why: str = "",
        pseudonyms: bool = False,
    ) -> Link:
        """Whether two campaigns are one incident, as a probability with its terms. It accuses nobody.

        UsageError where the two are the same campaign. The look-up is on disk before anything is looked up.
        """
        from leaktrace.tracing.linkage import Comparable, Linker
        from leaktrace.tracing.onetrace import Tracer

        evidence = [what if isinstance(what, Evidence) else self.evidence_of(what) for what in (a, b)]
        names = [one.campaign for one in evidence]
        self._log("link", f"{names[0]} {names[1]} {field}", why)
        traces = {one.campaign.campaign: one for one in self._mail.traces()}
        others = tuple(one for name, one in traces.items() if name not in names)
        sides = [
            Comparable(
                one,
                traces[one.campaign] if one.campaign in traces else self._mail.traces_of(one),
                self._mail.reporters_of_others(one.campaign),
            )
            for one in evidence
        ]
        tracer = Tracer(self._ledger, self._opened.keyring, self._opened.settings)
        with self._ledger.steady():
            return Linker(tracer, others).link(sides[0], sides[1], field, pseudonyms=pseudonyms)

    def calibrate(
        self,
        *,
        field: str = "email",
        campaigns: int = CAMPAIGNS,
        noise: float = NOISE,
        seed: int = 1,
        sizes: Iterable[int] = SIZES,
        why: str = "",
        progress: Progress | None = None,
    ) -> Calibration:
        """How often `trace` names rightly and wrongly on campaigns of known source, planted into this log in memory.

        `campaigns`: planted for each size and kind; `noise`: chance that a report comes from another list; `sizes`:
        reports in a campaign. The look-up is on disk before anything is looked up; nothing else is written.
        """
        from leaktrace.calibration.calibrating import Calibrator

        plan = Plan(field, campaigns, noise, seed, tuple(sizes)).checked()
        self._log("calibrate", field, why)
        reporters = self._mail.reporters_of_others("")
        with self._ledger.steady():
            calibrator = Calibrator(self._ledger, self._opened.settings)
            return calibrator.calibrate(plan, reporters=reporters, progress=progress)

    def trace_all(
        self,
        *,
        field: str = "email",
        why: str = "",
        pseudonyms: bool = False,
        prior: AnyPath | Mapping[str, float] | None = None,
        progress: Progress | None = None,
    ) -> tuple[Finding, ...]:
        """The findings of all campaigns, most reports first; each is as it would be if traced alone afterwards."""
        persons = _persons(prior)
        for campaign in self.campaigns():
            self._log("trace", f"{campaign.campaign} {field}", why)
        with self._ledger.steady():
            found = self._traces().all(field, persons=persons, pseudonyms=pseudonyms, progress=progress)
        return tuple(traced.finding for traced in found)

    def what_was_learned(self, field: str = "email") -> str:
        """How many of the campaigns traced here have an insider, in one sentence."""
        return self._traces().learned(field)

    def _traces(self, *, no_earlier_mail: bool = False) -> Traces:
        from leaktrace.tracing.traces import Traces

        opened = self._opened
        if no_earlier_mail:
            opened = replace(opened, settings=opened.settings.without_earlier_mail())
        return Traces(opened, self._ledger, self._mail, self._around.clock)

    def look_up(self, principal: str, *, why: str = "", days: int | None = None) -> PersonLookup:
        """What one principal had been shown, all fields; logged before anything is read.

        `days`: so many days back from now; null: the exposure window of the settings.
        """
        key = self._opened.keyring.principal_keys([principal])
        # An id that the ledger does not know may be anything, a customer's address too: it is logged by its number.
        is_known = self._is_known(principal)
        self._log("look-up", principal if is_known else f"unknown {int(key[0]):016x}", why, of_principal=is_known)
        facts = self._ledger.principals(key)[0] if is_known else None
        if facts is None:
            raise UsageError(f"There is no principal '{principal}' in the ledger.", "Ids are as they were ingested.")
        now = self._around.clock()
        window = Window(moved(now, -timedelta(days=days or self.settings.exposure_window_days)), now)
        fields = self._ledger.fields_shown([int(key[0])], window)
        return PersonLookup(facts.name, facts.team, facts.site, facts.kind, window, fields)

    def _is_known(self, principal: str) -> bool:
        return any(facts.name == principal for facts in self._ledger.principals())

    def stats(self) -> LedgerStats:
        """How much the ledger holds."""
        return self._ledger.stats()

    def never_shown(self, field: str) -> tuple[str, ...]:
        """The fields that accesses showed, those most like this one first, where none of them is this one.

        Empty where the field was shown, or may have been (accesses to every field of a record), or nothing was.
        """
        seen = self._ledger.fields_seen()
        if field in seen or EVERY_FIELD in seen:
            return ()
        return tuple(sorted(seen, key=lambda one: (-SequenceMatcher(None, field, one).ratio(), one)))

    # --- the key ------------------------------------------------------------------------------------------

    def key_status(self) -> KeyStatus:
        """How the key is: generations, back-ups, the custody log's public key."""
        return key_status(self._opened)

    def back_up_key(self, out: AnyPath, passphrase: str) -> BackedUp:
        """Writes the key under a passphrase into a new file outside of the workspace."""
        return back_up(self._opened, Path(out), passphrase, self._around.clock())

    def finish_key_rotation(self, *, progress: Progress | None = None) -> Rotated:
        """Seals everything anew under the newest generation of the key; `keykeeping.begin_rotation` made it."""
        areas = [
            Area("name files", lambda: self._ledger.upkeep().reseal(progress)),
            Area("mail files and records", self._mail.reseal),
            Area("evidence files", self._evidence.reseal),
        ]
        if has_custody(self.path):
            room = self.case_room()
            areas.append(
                Area("events and exhibits of cases", lambda: room.store.reseal() + room.premises.exhibits.reseal())
            )
            areas.append(Area("custody anchors", self._follow_key))
        return finish_rotation(self._opened, areas)

    def _follow_key(self) -> int:
        with Custody(self._opened, self._around.environment) as custody:
            return custody.follow_key()

    # --- upkeep of the ledger ---------------------------------------------------------------------------

    def verify_ledger(self, *, progress: Progress | None = None) -> LedgerCheck:
        """Whether every file of the ledger is what was committed; each problem by file."""
        return self._ledger.upkeep().verify(progress)

    def compact(self, *, progress: Progress | None = None) -> Compaction:
        """Merges small segments; answers and snapshot stay the same, and nobody who reads is disturbed."""
        return self._ledger.upkeep().compact(progress)

    def reindex(self, *, progress: Progress | None = None) -> Reindexed:
        """Builds the posting index anew from the lake; answers stay the same."""
        return Reindexed(self._ledger.upkeep().reindex(progress))

    def retain(
        self,
        table: str = "accesses",
        *,
        months: int | None = None,
        before: str | None = None,
        confirmed: bool = False,
        why: str = "",
        progress: Progress | None = None,
    ) -> Retention:
        """Lets rows of `accesses` (with bulk reads) or `contacts` go that are older than so many whole months, or than
        the month `before` (YYYY-MM). Only counts them unless `confirmed`. LedgerError where a legal hold needs any.
        """
        signed = self._signed(why)
        if confirmed:
            self._alone("Letting months go")
            self._log("retain", f"{table} {before or f'{months} months'}", why)
        upkeep = self._ledger.upkeep()
        return upkeep.retain(table, signed, months=months, before=before, done=confirmed, progress=progress)

    def forget(self, customers: str | Iterable[str], *, why: str = "", progress: Progress | None = None) -> Erasure:
        """Erases customers (ids as ingested) from the ledger for good; later files do not bring them back.

        LedgerError with the case's name while a legal hold needs their rows. Mail and evidence files are not touched.
        """
        self._alone("Erasing customers")
        named = [customers] if isinstance(customers, str) else list(customers)
        for subject in self._subjects(named):
            self._log("forget", subject, why)
        done = self._ledger.upkeep().forget(named, self._signed(why), progress)
        return replace(done, held_in=self.case_room().knowing(named)) if has_custody(self.path) else done

    def hold(self, case: str, customers: str | Iterable[str] | None, *, why: str = "") -> tuple[LegalHold, ...]:
        """Keeps customers (None: all) from being erased while a case needs them; the holds that the case has now."""
        named = [customers] if isinstance(customers, str) else None if customers is None else list(customers)
        for subject in ["every customer"] if named is None else self._subjects(named):
            self._log("hold", f"{case} {subject}", why)
        return self._ledger.upkeep().hold(case, named, self._signed(why))

    def strangers(self, customers: Iterable[str]) -> list[str]:
        """Those of these customers (ids as ingested) whom the ledger does not know: mistyped, perhaps."""
        from leaktrace.tracing.inquiry import strangers

        return strangers(self._ledger, self._opened.keyring, customers)

    def release(self, case: str, *, why: str = "") -> int:
        """Ends the holds of a case; how many there were. NotAllowedError where there are people: the case does it."""
        self._alone("Ending a legal hold", "Say who you are: leaktrace case hold CASE --release --as NAME.")
        self._log("release", case, why)
        return self._ledger.upkeep().release(case, self._signed(why))

    def ledger_acts(self) -> LedgerActs:
        """Legal holds in force, and everything that was done to the ledger's rows."""
        return self._ledger.upkeep().acts()

    def _alone(self, what: str, instead: str = "Ask for it in a case: --case CASE --as NAME.") -> None:
        """NotAllowedError where there are people: then nobody erases, or lets erase, unsigned and alone (DESIGN 7)."""
        if has_custody(self.path) and self.case_room().has_people():
            raise NotAllowedError(f"{what} is not done unsigned in this workspace.", instead)

    def _subjects(self, customers: Iterable[str]) -> list[str]:
        """How customers are written down: by keyed number, for an id may be an address."""
        return [f"customer {key:016x}" for key in self._ledger.upkeep().numbers(list(customers))]

    def _signed(self, why: str) -> Signed:
        return Signed(self._around.clock(), self._around.user, why)

    # --- cases ------------------------------------------------------------------------------------------

    def case_room(self) -> CaseRoom:
        """The store of cases; CustodyError where the custody log is not the one that was seen last."""
        if self._cases is None:
            opened = self._opened
            keeper = keeper_of(opened.path, opened.keyring, opened.workspace_id, self._around.environment)
            from leaktrace.casedesk.desk import CaseRoom

            self._cases = CaseRoom(opened, self._ledger, self._mail, self._around.clock, keeper)
        return self._cases

    def custody(self) -> Custody:
        """The custody log, to check it and to prove from it. Close it, or use it with `with`."""
        return Custody(self._opened, self._around.environment)

    def verify_custody(
        self,
        checkpoint: bytes | None = None,
        *,
        keys: Iterable[NoteKey] = (),
        witnesses: Iterable[NoteKey] = (),
        quorum: int = 0,
        progress: Progress | None = None,
    ) -> CustodyCheck:
        """Checks the whole custody log, its anchors, a checkpoint from outside, and that events are as logged."""
        with self.custody() as custody:
            found = custody.verify(checkpoint, keys=keys, witnesses=witnesses, quorum=quorum, progress=progress)
        return replace(found, event_count=self.case_room().store.verify_events())

    def custody_index(self, case: str, exhibit: str) -> int:
        """The number of the entry that took an exhibit into evidence; UsageError where there is none."""
        for one in self.case_room().store.events(case):
            if isinstance(one.event, ExhibitStored) and one.event.exhibit == exhibit:
                return one.entry.index
        raise UsageError(f"There is no exhibit {exhibit} in {case}.", f"See: leaktrace case exhibits {case}.")

    def cases(self, actor: Actor) -> CaseDesk:
        """Cases, as this person works with them. `actor`: whom an identity provider signed in (`leaktrace.cases`)."""
        from leaktrace.casedesk.desk import CaseDesk

        return CaseDesk(self.case_room(), actor)

    def lookups(self) -> lookuplog.VerifiedLookups:
        """The look-up log, every line of it checked."""
        return lookuplog.verify(self.path / LOOKUPS, self._opened.keyring)

    def _log(self, what: str, subject: str, why: str, *, of_principal: bool = False) -> None:
        lookuplog.append(
            self.path / LOOKUPS,
            self._opened.keyring,
            at=self._around.clock(),
            who=self._around.user,
            what=what,
            subject=subject,
            why=why,
            of_principal=of_principal,
        )


def _persons(prior: AnyPath | Mapping[str, float] | None) -> PersonPrior | None:
    if prior is None or isinstance(prior, Mapping):
        return None if prior is None else person_prior_of(prior)
    return read_person_prior(Path(prior))
