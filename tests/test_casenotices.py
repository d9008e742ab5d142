"""Notices through the real case room: two people, pseudonyms, one use, sums in the log."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from leaktrace.caserecords import ContainmentConfirmed, exposure_of
from leaktrace.errors import NotAllowedError
from leaktrace.noticedesk.casenotices import CaseNotices
from leaktrace.noticedesk.desk import STOP, NoticeDesk
from leaktrace.noticedesk.reports import PlanFacts
from leaktrace.response.duties import assess_case, builtin_laws
from leaktrace.response.notices import NoticeTokens
from leaktrace.response.notices.config import config_of
from tests.cases.small_cases import CUSTOMERS, Company, full_company
from tests.response.noticedesks import SECRET, document, write_key
from tests.response.sink import Sink
from tests.response.test_notices_bounces import report

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_through_the_case_room(tmp_path: Path) -> None:
    company = full_company(tmp_path / "ws")
    write_key(tmp_path / "dkim.pem")
    with (tmp_path / "customers.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("customer", "email"), *((one, f"{one}@mail.example") for one in CUSTOMERS)])
    olaf = company.work("olaf")
    with Sink() as sink:
        config = config_of(document(sink.port, sending={"canary": 1}), tmp_path)
        notices = CaseNotices(olaf, lambda _: frozenset(), lambda *_: None)
        desk = NoticeDesk(tmp_path / "response", SECRET, lambda: config, notices, olaf, olaf)
        plan = desk.plan(
            company.case, PlanFacts(version="2", noticed_on=date(2026, 3, 1), measures=("seller_blocked",))
        )
        for name in plan.templates_to_approve:
            law, language = name.split("/")
            parameters = {"template": law, "language": language, "sha256": desk.template(law, language).sha256}
            request = company.granted("approve_translation", name, parameters, used=False, by="olaf")
            desk.approve_translation(company.case, law, language, request)
        request = company.granted("send_notices", "2", plan.parameters, used=False, by="olaf")
        first = desk.send(company.case, request)
        last = desk.send(company.case, go_on=True)
    assert (first.reason, last.reason) == ("canary", "done"), (first, last)
    assert sorted(one.recipient for one in sink.taken) == sorted(f"{one}@mail.example" for one in CUSTOMERS)
    found = olaf.show(company.case)
    assert found.reconciled["2"].accepted_count == len(CUSTOMERS)
    company.close()


def _desks(company: Company, folder: Path) -> Callable[[str], NoticeDesk]:
    """Notices as each person works with them; nothing listens where they would be sent to."""
    write_key(folder / "dkim.pem")
    config = config_of(document(1), folder)

    def desk_of(name: str) -> NoticeDesk:
        work = company.work(name)
        notices = CaseNotices(work, lambda _: frozenset(), lambda *_: None)
        return NoticeDesk(folder / "response", SECRET, lambda: config, notices, work, work)

    return desk_of


def test_an_investigator_neither_plans_nor_sends(tmp_path: Path) -> None:
    company = full_company(tmp_path / "ws")
    desk_of = _desks(company, tmp_path)
    said = PlanFacts(noticed_on=date(2026, 3, 1), measures=("seller_blocked",))
    ina, before = desk_of("ina"), company.work("ina").show(company.case).event_count
    with pytest.raises(NotAllowedError, match="plan notices"):
        ina.plan(company.case, said)
    assert company.work("ina").show(company.case).event_count == before
    desk_of("olaf").plan(company.case, said)
    ina.stop()
    with pytest.raises(NotAllowedError, match="send notices"):
        ina.send(company.case, go_on=True)
    assert (tmp_path / "response" / STOP).exists()
    company.close()


def test_what_a_case_has_an_entry_of(tmp_path: Path) -> None:
    company = full_company(tmp_path / "ws")
    olaf, ina, case = company.work("olaf"), company.work("ina"), company.case
    notices = CaseNotices(olaf, lambda _: frozenset(), lambda *_: None)
    assert notices.measures_borne(case) == frozenset()
    request = company.granted("contain_principal", company.subject, {}, used=True)
    ina.record(case, ContainmentConfirmed(request, company.subject, "contained", "read back"))
    assert notices.measures_borne(case) == {"access_suspended"}
    for moments, borne in (({"aware": AT}, False), ({"aware": AT, "reported": AT}, True)):
        assess_case(
            case, exposure_of(olaf.exposure(case)), olaf, builtin_laws(), AT, fields_complete=None, answers={},
            moments=moments,  # type: ignore[arg-type]
        )  # fmt: skip
        assert ("authority_told" in notices.measures_borne(case)) is borne
    company.close()


def test_the_version_of_a_request_is_its_target(tmp_path: Path) -> None:
    company = full_company(tmp_path / "ws")
    request = company.granted("send_notices", "2", {}, used=False, by="olaf")
    notices = CaseNotices(company.work("olaf"), lambda _: frozenset(), lambda *_: None)
    assert notices.version_asked(company.case, request) == "2"
    assert notices.version_asked(company.case, "A-9999") is None
    company.close()


@pytest.mark.parametrize("who", ["adam", "aud", "saul", "bea", "lola", "otto"])
def test_who_may_not_read_the_case_is_not_told_how_its_notices_stand(who: str, tmp_path: Path) -> None:
    """Admin, auditor, subject, their manager, somebody locked out, somebody never admitted."""
    company = full_company(tmp_path / "ws")
    desk_of = _desks(company, tmp_path)
    olaf = desk_of("olaf")
    olaf.plan(company.case, PlanFacts(noticed_on=date(2026, 3, 1), measures=("seller_blocked",)))
    assert olaf.status(company.case).sums.frozen_count == len(CUSTOMERS)
    olaf.left(company.case)
    theirs = desk_of(who)
    with pytest.raises(NotAllowedError):
        theirs.status(company.case)
    with pytest.raises(NotAllowedError):
        theirs.left(company.case)
    with pytest.raises(NotAllowedError):
        theirs.preview(company.case, "C-000000")
    company.close()


def test_no_notice_goes_to_a_sellers_own_mailbox_however_surely_it_is_theirs(tmp_path: Path) -> None:
    """The finding ties a seller to the mails too loosely to be a subject of the case, and is still tipped off."""
    company = full_company(tmp_path / "ws")
    work = company.work("olaf")
    sellers = {one.seller for one in work.show(company.case).findings}
    assert sellers != {None}
    asked = list[tuple[str, ...]]()

    def domains_of(found: Sequence[str]) -> frozenset[str]:
        asked.append(tuple(found))
        return frozenset({"seller.example"})

    notices = CaseNotices(work, domains_of, lambda *_: None)
    assert notices.sellers_domains(company.case) == {"seller.example"}
    assert sellers <= set(asked[0])
    company.close()


def test_who_does_not_read_the_case_takes_in_no_bounces_of_it(tmp_path: Path) -> None:
    company = full_company(tmp_path / "ws")
    desk_of = _desks(company, tmp_path)
    desk_of("olaf").plan(
        company.case, PlanFacts(version="2", noticed_on=date(2026, 3, 1), measures=("seller_blocked",))
    )
    person = exposure_of(company.work("olaf").exposure(company.case)).rows[0].customer
    tokens = NoticeTokens(SECRET)
    back = tokens.return_path(
        tokens.notice_id(company.case, "2", person), "bounce", config_of(document(1), tmp_path).bounce_domain
    )
    came = tmp_path / "bounce.eml"
    came.write_bytes(report(back))
    with pytest.raises(NotAllowedError):
        desk_of("aud").bounces([came])
    assert desk_of("olaf").bounces([came]).hard_count == 1
    company.close()
