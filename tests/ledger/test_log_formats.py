"""CloudTrail, OCSF, ECS and logs with a mapping of their own: sample files, row by row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leaktrace.errors import LedgerError, UsageError
from leaktrace.ledger.formats import AccessRow, PassedOver, RejectedRow, row_reader
from leaktrace.ledger.mapping import map_record
from leaktrace.ledger.mapping.cloudtrail import options_from_document

ASSETS = Path(__file__).parents[1] / "assets"
ACCOUNT = "111122223333"
CHEN, AMARA = f"{ACCOUNT}:assumed-role/Support/agent.chen", f"{ACCOUNT}:assumed-role/Support/agent.amara"
EDO = f"{ACCOUNT}:user/analyst.edo"
ANY = ("*",)
Told = tuple[int, str, str | None, tuple[str, ...], str | None]


def read(name: str, path: Path, **options: str) -> tuple[list[AccessRow], list[RejectedRow], int]:
    reader = row_reader(name, options)
    assert reader is not None
    items = list(reader(path))
    return (
        [item for item in items if isinstance(item, AccessRow)],
        [item for item in items if isinstance(item, RejectedRow)],
        sum(item.count for item in items if isinstance(item, PassedOver)),
    )


def told(rows: list[AccessRow]) -> list[Told]:
    return [(row.source_row, row.principal, row.customer, row.fields, row.action) for row in rows]


# --- CloudTrail -------------------------------------------------------------------------------------------


def test_cloudtrail_with_the_tables_and_buckets_that_hold_customers() -> None:
    rows, rejected, passed_over = read(
        "cloudtrail", ASSETS / "cloudtrail" / "shop.json", tables="customers", buckets="shop-exports"
    )
    assert told(rows) == [
        (1, CHEN, "C-0007", ("name", "email"), "api"),
        (2, AMARA, "C-0011", ("email",), "api"),
        (3, AMARA, "C-0012", ANY, "api"),
        (4, CHEN, "C-0020", ANY, "api"),
        (4, CHEN, "C-0021", ANY, "api"),
        (4, CHEN, "C-0022", ANY, "api"),
        (5, CHEN, "C-0030", ("phone",), "api"),
        (6, EDO, None, ("email",), "search"),
        (8, EDO, None, ANY, "search"),
        (9, EDO, None, ANY, "search"),
        (10, AMARA, "C-0040", ANY, "update"),
        (14, EDO, None, ANY, "export"),
        (15, CHEN, "C-0060", ANY, "api"),
        (16, EDO, None, ANY, "api"),
    ]
    assert (rejected, passed_over) == ([], 6)
    assert rows[0].at == datetime(2026, 3, 2, 8, 0, 1, tzinfo=UTC)
    assert {row.tool for row in rows} == {"dynamodb", "s3"}
    assert [row.source_row for row in rows if row.statement_digest] == [9]


def test_cloudtrail_told_nothing_counts_every_table_and_no_bucket() -> None:
    rows, _, passed_over = read("cloudtrail", ASSETS / "cloudtrail" / "shop.json")
    assert (13, CHEN, None, ANY, "api") in told(rows)
    assert 16 not in {row.source_row for row in rows}
    assert passed_over == 6


def test_cloudtrail_told_what_a_whole_item_holds_and_how_a_principal_is_written() -> None:
    rows, _, _ = read(
        "cloudtrail",
        ASSETS / "cloudtrail" / "shop.json",
        all_fields="name, email, phone",
        principal_after="assumed-role/Support/",
        tables="customers",
    )
    whole = next(row for row in rows if row.source_row == 3)
    assert (whole.principal, whole.fields) == ("agent.amara", ("name", "email", "phone"))
    assert next(row for row in rows if row.source_row == 6).principal == f"arn:aws:iam::{ACCOUNT}:user/analyst.edo"


def test_cloudtrail_as_amazon_documents_it_shows_only_what_was_read() -> None:
    rows, rejected, passed_over = read("cloudtrail", ASSETS / "cloudtrail" / "documented.json", customer_key="Artist")
    assert told(rows) == [(5, f"{ACCOUNT}:assumed-role/users/bob", None, ANY, "search")]
    assert (rejected, passed_over) == ([], 5)


def record(**change: Any) -> dict[str, Any]:
    first = json.loads((ASSETS / "cloudtrail" / "shop.json").read_text(encoding="utf-8"))["Records"][0]
    return {**first, **change}


def one(event: dict[str, Any], **options: str) -> AccessRow:
    rows = map_record(options_from_document(options), event, 1)
    assert isinstance(rows, list), rows
    row: AccessRow
    (row,) = rows
    return row


@pytest.mark.parametrize(
    ("identity", "principal"),
    [
        ({"type": "IAMUser", "arn": "arn:aws-cn:iam::1:user/team/eve", "userName": "eve"}, "1:user/team/eve"),
        ({"type": "Root", "arn": "arn:aws:iam::1:root", "principalId": "1"}, "1:root"),
        ({"type": "IdentityCenterUser", "onBehalfOf": {"userId": "u-1"}, "accountId": "1"}, "u-1"),
        ({"type": "AWSAccount", "principalId": "AIDAX", "accountId": "2"}, "AIDAX"),
        ({"type": "AWSService", "invokedBy": "glue.amazonaws.com"}, "glue.amazonaws.com"),
        ({"type": "SAMLUser", "principalId": "nq:agent", "userName": "agent"}, "nq:agent"),
    ],
)
def test_cloudtrail_identities(identity: dict[str, Any], principal: str) -> None:
    assert one(record(userIdentity=identity)).principal == principal


@pytest.mark.parametrize(
    ("parameters", "customers", "fields"),
    [
        ({"key": {"customer_id": {"S": "C-1"}}}, ["C-1"], ANY),
        ({"key": {"customerId": 17}}, ["17"], ANY),
        ({"key": {"pk": "CUSTOMER#9"}}, [None], ANY),
        ({"requestItems": {"shop": {"keys": [{"customer_id": "C-1"}, {"customer_id": "C-2"}]}}}, ["C-1", "C-2"], ANY),
        (
            {"requestItems": {"customers": {"keys": [{"customer_id": {"N": "3"}}], "projectionExpression": "#m",
                              "expressionAttributeNames": {"#m": "Mail"}}}},
            ["3"], ("email",),
        ),
        ({"key": {"customer_id": "C-1"}, "attributesToGet": ["Email", "Phone"]}, ["C-1"], ("email", "phone")),
        ({"key": {"customer_id": "C-1"}, "projectionExpression": "#m"}, ["C-1"], ANY),
    ],
)  # fmt: skip
def test_cloudtrail_keys_and_projections(
    parameters: dict[str, Any], customers: list[str | None], fields: tuple[str, ...]
) -> None:
    name = "BatchGetItem" if "requestItems" in parameters else "GetItem"
    rows = map_record(options_from_document({}), record(eventName=name, requestParameters=parameters), 1)
    assert isinstance(rows, list)
    assert [row.customer for row in rows] == customers
    assert {row.fields for row in rows} == {fields}


def test_cloudtrail_single_table_keys() -> None:
    event = record(requestParameters={"tableName": "shop", "key": {"pk": "CUSTOMER#9", "sk": "PROFILE"}})
    assert one(event, customer_key="pk", customer_prefix="CUSTOMER#").customer == "9"
    order = record(requestParameters={"tableName": "shop", "key": {"pk": "ORDER#9"}})
    assert one(order, customer_key="pk", customer_prefix="CUSTOMER#").customer is None


def test_cloudtrail_a_table_is_known_without_its_resources_too() -> None:
    event = record(resources=None, requestParameters={"tableName": "customers", "key": {"customer_id": "C-1"}})
    assert one(event, tables="customers").customer == "C-1"
    arn = f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/customers"
    assert one(record(resources=None, requestParameters={"tableName": arn}), tables="customers").customer is None
    assert map_record(options_from_document({"tables": "orders"}), event, 1) is None


def test_cloudtrail_changed_attributes_given_back_are_not_said_to_be_all(tmp_path: Path) -> None:
    parameters = {"tableName": "customers", "key": {"customer_id": "C-1"}, "returnValues": "UPDATED_NEW"}
    event = record(eventName="UpdateItem", requestParameters=parameters)
    assert one(event, all_fields="email").fields == ANY
    parameters["returnValues"] = "ALL_OLD"
    assert one(event, all_fields="email").fields == ("email",)


def test_cloudtrail_forms_in_which_records_come(tmp_path: Path) -> None:
    events = json.loads((ASSETS / "cloudtrail" / "shop.json").read_text(encoding="utf-8"))["Records"][:2]
    texts = {
        "lines": "".join(json.dumps(event) + "\n" for event in events),
        "bus": "".join(json.dumps({"version": "0", "detail": event}) + "\n" for event in events),
        "wrapped": "".join(json.dumps({"Records": [event]}) + "\n" for event in events),
        "pretty": json.dumps({"Records": events}, indent=2),
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        rows, rejected, _ = read("cloudtrail", path)
        assert [row.customer for row in rows] == ["C-0007", "C-0011"], name
        assert not rejected


def test_cloudtrail_digest_files_are_rejected_and_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "digest.json"
    path.write_text('{"awsAccountId": "1", "logFiles": []}', encoding="utf-8")
    assert read("cloudtrail", path)[1] == [RejectedRow(1, "the record has no eventTime")]
    path.write_text('{"Records": [{"eventTime": ', encoding="utf-8")
    with pytest.raises(LedgerError, match="after byte"):
        read("cloudtrail", path)


# --- OCSF -------------------------------------------------------------------------------------------------


def test_ocsf_events() -> None:
    rows, rejected, passed_over = read("ocsf", ASSETS / "ocsf" / "shop.ndjson")
    assert told(rows) == [
        (1, "u-101", "C-0007", ("name", "email"), "view"),
        (2, "u-102", "1011", ("email", "phone"), "view"),
        (3, "u-102", "C-0012", ANY, "view"),
        (4, "u-900", None, ("email",), "search"),
        (7, "svc-billing", "C-0014", ("address",), "api"),
    ]
    assert [row.reason for row in rows] == ["T-55", None, None, None, None]
    assert rejected == [RejectedRow(10, "at is not a time in the mapping's format")]
    assert passed_over == 4


def test_ocsf_as_its_examples_have_it() -> None:
    rows, rejected, passed_over = read("ocsf", ASSETS / "ocsf" / "documented.ndjson")
    assert told(rows) == [(1, "arn:aws:iam::1111111111111:user/Level6", None, ANY, "api")]
    assert rows[0].at == datetime(2023, 9, 21, 22, 22, 52, tzinfo=UTC)
    assert (rejected, passed_over) == ([], 1)
    assert read("ocsf", ASSETS / "ocsf" / "documented.ndjson", services="customers.api")[0] == []


def test_ocsf_options() -> None:
    rows, _, _ = read(
        "ocsf", ASSETS / "ocsf" / "shop.ndjson", principal="name", stores="orders", customer_path="resources[1].uid"
    )
    assert told(rows) == [(7, "billing", "C-0014", ("address",), "api")]


# --- ECS --------------------------------------------------------------------------------------------------


def test_ecs_events() -> None:
    rows, rejected, passed_over = read("ecs", ASSETS / "ecs" / "shop.ndjson")
    assert told(rows) == [
        (1, "chen", "C-0007", ("name", "email"), "view"),
        (2, "amara", "C-0008", ("email",), "view"),
        (2, "amara", "C-0009", ("email",), "view"),
        (3, "amara", "C-0010", ANY, "view"),
        (4, "chen", "C-0011", ("email", "phone"), "search"),
        (5, "edo", None, ("email",), "export"),
    ]
    assert rejected == [RejectedRow(9, "the record has no @timestamp"), RejectedRow(10, "at has no UTC offset")]
    assert passed_over == 3


def test_ecs_as_a_search_gives_it_back() -> None:
    rows, rejected, _ = read("ecs", ASSETS / "ecs" / "search.json")
    assert told(rows)[0] == (1, "chen", "C-0007", ("name", "email"), "view")
    assert (len(rows), rejected) == (4, [])


def test_ecs_records_that_are_no_data_access_are_passed_over() -> None:
    assert read("ecs", ASSETS / "ecs" / "documented.ndjson") == ([], [], 2)


def test_ecs_options() -> None:
    path = ASSETS / "ecs" / "shop.ndjson"
    assert {row.principal for row in read("ecs", path, principal="id")[0]} >= {"id-chen", "id-amara"}
    assert read("ecs", path, datasets="other")[0] == []


# --- a mapping of one's own -------------------------------------------------------------------------------


def test_a_helpdesk_log_in_csv() -> None:
    folder = ASSETS / "mapping"
    rows, rejected, passed_over = read("mapped", folder / "helpdesk.csv", mapping=str(folder / "helpdesk.toml"))
    assert told(rows) == [
        (1, "chen", "C-0007", ("email", "name"), "view"),
        (2, "amara", "C-0008", ("email",), "search"),
        (2, "amara", "C-0009", ("email",), "search"),
        (3, "amara", "C-0010", ANY, "view"),
        (4, "edo", None, ("email",), None),
    ]
    assert rows[0].at == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert rejected == [
        RejectedRow(6, "customer is missing"),
        RejectedRow(7, "at is a time that the clocks of the mapping's zone skip"),
    ]
    assert passed_over == 1


def test_a_gateway_log_in_one_document() -> None:
    folder = ASSETS / "mapping"
    rows, rejected, passed_over = read("mapped", folder / "gateway.json", mapping=str(folder / "gateway.toml"))
    assert told(rows) == [
        (1, "chen", "C-0007", ("name", "email"), "api"),
        (2, "svc-mailer", "C-0008", ANY, "api"),
        (3, "svc-mailer", None, ("email",), "api"),
    ]
    assert rejected == [RejectedRow(6, "principal is missing")]
    assert passed_over == 2


@pytest.mark.parametrize("name", ["cloudtrail", "ocsf", "ecs"])
def test_an_option_that_there_is_not_is_named(name: str) -> None:
    with pytest.raises(UsageError, match="there is no option 'colour'"):
        row_reader(name, {"colour": "red"})
