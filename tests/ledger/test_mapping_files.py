"""Files of mapped logs, whole, torn and hostile: every record is read, rejected or the file is refused."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.errors import LedgerError, UsageError
from leaktrace.ledger import csvlines
from leaktrace.ledger.formats import AccessRow, PassedOver, RejectedRow
from leaktrace.ledger.mapping import csvfiles, jsonfiles, jsontext, mapping_from_text
from leaktrace.ledger.mapping.jsonfiles import Unreadable, document_records, ndjson_records
from leaktrace.ledger.mapping.jsontext import RECORD_CEILING_BYTES
from leaktrace.ledger.mapping.mapped import options_from_document, read_mapped
from leaktrace.ledger.mapping.paths import Path as RecordPath
from leaktrace.ledger.mapping.paths import parse_path
from leaktrace.ledger.mapping.reader import read_mapped_file
from tests.growth import assert_grows_with_size
from tests.ledger.small_ledgers import zstd

MAPPING = """
schema = "leaktrace.mapping/1"
{head}
[at]
path = "t"
[principal]
path = "who"
[customer]
path = "c"
[fields]
default = "email"
[[rule]]
when = [{{ path = "kind", not_in = ["noise"] }}]
"""
ROW = {"t": "2026-03-02T12:00:00Z", "who": "ann", "c": "C-1"}


def place(text: str) -> RecordPath:
    path = parse_path(text)
    assert path is not None
    return path


def read(path: Path, head: str = "") -> list[AccessRow | RejectedRow | PassedOver]:
    return list(read_mapped_file(path, mapping_from_text(MAPPING.format(head=head), {}, "m.toml")))


def told(path: Path, head: str = "") -> list[tuple[int, str]]:
    """(row, customer or reason), and (0, count) for what was passed over before it."""
    found = []
    for item in read(path, head):
        if isinstance(item, PassedOver):
            found.append((0, str(item.count)))
        else:
            found.append((item.source_row, (item.customer or "") if isinstance(item, AccessRow) else item.reason))
    return found


def line(**change: Any) -> str:
    return json.dumps({**ROW, **change}) + "\n"


# --- lines ------------------------------------------------------------------------------------------------


def test_every_line_is_an_access_a_reject_or_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    lines = [
        "\ufeff" + line(), "\n", line(kind="noise"), "not json\n", line(c="C-2").strip() + " trailing\n", "[1, 2]\n",
        line(c="C-3"), "NaN\n", '{"t": NaN}\n', "5\n", line(c="C-4").strip(),
    ]  # fmt: skip
    path.write_bytes("".join(lines).encode())
    assert told(path, 'input = "ndjson"') == [
        (1, "C-1"),
        (0, "1"),
        (4, "the line is not JSON"),
        (5, "the line is not JSON"),
        (6, "the record is not a JSON object"),
        (7, "C-3"),
        (8, "the line is not JSON"),
        (9, "the line is not JSON"),
        (10, "the record is not a JSON object"),
        (11, "C-4"),
    ]


def test_hostile_lines_are_rejected_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    deep = "[" * 100_000 + "]" * 100_000 + "\n"
    wide = line(c="x" * (RECORD_CEILING_BYTES + 10))
    number = '{"c": ' + "9" * 10_000 + "}\n"
    path.write_bytes((line() + deep + wide + number).encode() + b'{"c": "\xff"}\n' + line(c="C-9").encode())
    assert told(path, 'input = "ndjson"') == [
        (1, "C-1"),
        (2, "the line is nested deeper than can be read"),
        (3, f"the line is longer than {RECORD_CEILING_BYTES} bytes"),
        (4, "at is missing"),
        (5, "the line is not UTF-8"),
        (6, "C-9"),
    ]


def test_a_line_whose_list_of_records_is_empty_holds_none(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text('{"Records": []}\n{"Records": {}}\n' + json.dumps({"Records": [ROW, ROW]}), encoding="utf-8")
    assert told(path, 'records = "Records[*]"') == [
        (2, "nothing stands where the mapping says the records are"), (3, "C-1"), (3, "C-1"),
    ]  # fmt: skip


@pytest.mark.parametrize("pack", [gzip.compress, zstd, bytes])
def test_a_packed_file_is_known_by_its_bytes(tmp_path: Path, pack: Any) -> None:
    path = tmp_path / "without-ending"
    path.write_bytes(pack((line() + line(c="C-2")).encode()))
    assert told(path) == [(1, "C-1"), (2, "C-2")]


def test_a_packed_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress("".join(line(c=f"C-{n}") for n in range(5000)).encode())[:-20])
    with pytest.raises(LedgerError, match="cannot be read to its end"):
        read(path)


@pytest.mark.parametrize(
    ("text", "is_lines"),
    [
        (line() + line(), True),
        ('"c": "C-0"}\n' + line() + line(), True),
        ("\n\n" + line() + "\n" + line(), True),
        (line(), False),
        (line().strip(), False),
        (json.dumps({"Records": [ROW, ROW]}, indent=2), False),
        ("[\n" + line().strip() + ",\n" + line() + "]\n", False),
        ("[\n" + line() + "]\n", False),
        (line() + '{"x": "' + "x" * jsonfiles.HEAD_BYTES, True),
        ('{"Records": [\n' + line() + '{"x": "' + "x" * jsonfiles.HEAD_BYTES, False),
        ("", False),
        ("1\n2\n3\n", False),
    ],
)
def test_lines_are_told_from_documents(text: str, is_lines: bool) -> None:
    assert jsonfiles.is_ndjson(text.encode()) == is_lines


# --- documents --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "records", "count"),
    [
        ({"Records": [ROW, ROW]}, "Records[*]", 2),
        ({"meta": {"Records": 5}, "Records": [ROW], "more": [1, {"Records": []}]}, "Records[*]", 1),
        ({"took": 1, "hits": {"total": 2, "hits": [{"_source": ROW}, {"_source": ROW}]}}, "hits.hits[*]._source", 2),
        ([ROW, ROW, ROW], "[*]", 3),
        ([{"event": ROW}], "[*].event", 1),
        ({"Records": []}, "Records[*]", 0),
        ({"hits": {"total": 0, "hits": []}}, "hits.hits[*]._source", 0),
        ([], "[*]", 0),
        (ROW, "", 1),
    ],
)
def test_the_records_of_a_document(tmp_path: Path, document: Any, records: str, count: int) -> None:
    path = tmp_path / "a.json"
    for indent in (None, 2):
        path.write_text(json.dumps(document, indent=indent), encoding="utf-8")
        assert told(path, f'records = "{records}"') == [(n, "C-1") for n in range(1, count + 1)]


def test_documents_one_after_the_other_count_on(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    one = json.dumps({"Records": [ROW, {**ROW, "c": "C-2"}]}, indent=1)
    path.write_text(f"{one}\n{one}{json.dumps(ROW, indent=1)}", encoding="utf-8")
    assert told(path, 'records = ["Records[*]", ""]') == [
        (1, "C-1"), (2, "C-2"), (3, "C-1"), (4, "C-2"), (5, "C-1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"Records": [{"t": 1}, {"t"', "after byte 23: it is no JSON, or breaks off"),
        ('{"Records": [{"t": 1}', "after byte 21: it breaks off"),
        ('{"Records": [{"t": 1}]', "after byte 22: it breaks off"),
        ('{"Records": [{"t": 1} {"t": 2}]}', "after byte 22: , or ] is missing"),
        ('{"Records" [1]}', "after byte 11: : is missing"),
        ("{5: [1]}", "a name of an object is not a text"),
        ('{"Records": [' + "[" * 100_000, "it is nested deeper than can be read"),
        ('{"Records": ["' + "x" * (RECORD_CEILING_BYTES + 2_000_000), "no value ends within"),
        ("<xml/>", "it is no JSON, or breaks off"),
        ('{"Records": [{"é": 1}, é]}', "after byte 24: it is no JSON, or breaks off"),
    ],
)
def test_a_document_that_is_torn_is_refused_with_its_byte(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LedgerError) as caught:
        read(path, 'records = "Records[*]"\ninput = "json"')
    assert caught.value.message.startswith(f"{path}: ")
    assert words in caught.value.message


def test_a_torn_document_is_refused_with_its_record(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"Records": [ROW, ROW]})[:-2] + ', {"t": NaN}]}', encoding="utf-8")
    with pytest.raises(LedgerError, match=r"a\.json: record 3, after byte 127: it is no JSON"):
        read(path, 'records = "Records[*]"\ninput = "json"')


@pytest.mark.parametrize("text", ["{}\n{}\n{}\n", '{"Records": [{}, {}, {}]}'])
def test_a_number_of_more_digits_than_are_read_spoils_nothing_but_its_value(tmp_path: Path, text: str) -> None:
    """The attack: Python takes numbers up to 4,300 digits, and one of more made the whole document unreadable."""
    path, digits = tmp_path / "a.json", "9" * 5_000
    long = json.dumps({**ROW, "x": 1})
    for record, rejected in (
        (long.replace('"x": 1', f'"x": {digits}'), []),
        (json.dumps({**ROW, "c": 1}).replace('"c": 1', f'"c": {digits}'), ["customer is missing"]),
        (json.dumps({**ROW, "t": 1}).replace('"t": 1', f'"t": {digits}'), ["at is not a time in the mapping's format"]),
    ):
        whole = text.replace("{}", json.dumps(ROW), 1).replace("{}", record, 1).replace("{}", json.dumps(ROW), 1)
        path.write_text(whole, encoding="utf-8")
        items = read(path, 'records = ["Records[*]", ""]')
        assert [each.reason for each in items if isinstance(each, RejectedRow)] == rejected
        assert [each.source_row for each in items if isinstance(each, RejectedRow)] == [2] * len(rejected)
        assert len(items) == 3


def test_a_long_record_is_not_read_again_with_each_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsontext, "BLOCK_BYTES", 100)

    def work(content: bytes) -> None:
        ((_, record),) = document_records(io.BytesIO(content), (place("Records[*]"),))
        assert isinstance(record, dict)

    assert_grows_with_size(lambda count: b'{"Records": [{"x": [' + b"1," * count + b"1]}]}", work, 20_000)


def test_a_document_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"Records": [{"t": "\xff"}]}')
    with pytest.raises(LedgerError, match="not UTF-8"):
        read(path, 'records = "Records[*]"')


def test_a_document_without_list_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    members = ", ".join(f'"k{n}": "{"x" * 1_000_000}"' for n in range(9))
    path.write_text(f"{{{members}}}", encoding="utf-8")
    with pytest.raises(LedgerError, match="a record is longer than"):
        read(path, 'records = ["Records[*]", ""]')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(max_size=4), JSON, max_size=4), max_size=8), JSON, st.integers(1, 9))
def test_records_come_out_as_they_went_in_however_the_text_is_cut(
    records: list[dict[str, Any]], other: Any, block: int
) -> None:
    document = {"before": other, "log": {"x": other, "Records": records}, "after": other}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsontext, "BLOCK_BYTES", block)
        stream = io.BytesIO(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        found = list(document_records(stream, (place("log.Records[*]"),)))
    assert found == list(enumerate(records, 1))


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,1e\\u \n', max_size=60).map(str.encode))
def test_no_bytes_give_anything_but_records_rejects_or_a_broken_file(content: bytes) -> None:
    for number, record in ndjson_records(io.BytesIO(content), (place("a[*]"),)):
        assert number >= 1
        assert isinstance(record, dict | Unreadable)
    found: list[Any] = []
    with contextlib.suppress(jsontext.BrokenJsonError):
        found.extend(record for _, record in document_records(io.BytesIO(content), (place("a[*]"), place(""))))
    assert all(isinstance(record, dict | Unreadable) for record in found)


# --- CSV --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "long", "row"),
    [
        ("t,who,c,kind\n2026-03-02T12:00:00Z,ann,C-1,x\n", ",", 2),
        ("t,who,c,kind\n", '"\n",', 1),
        ("", "t,", 0),
    ],
)
def test_a_row_without_end_is_refused_before_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str, long: str, row: int
) -> None:
    """The attack: hundreds of millions of commas, some hundred kilobytes packed, become as many cells."""
    for module in (csvlines, csvfiles):
        monkeypatch.setattr(module, "RECORD_CEILING_CHARACTERS", 800_000)
    path = tmp_path / "a.csv"
    path.write_text(head + long * (8_000_000 // len(long)), encoding="utf-8")
    tracemalloc.start()
    with pytest.raises(LedgerError, match=rf"a\.csv: row {row}: it is longer than 800000 characters"):
        read(path, 'input = "csv"')
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 20_000_000


def test_a_csv_log_with_its_own_delimiter_and_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        '\ufefft;who;c;kind\n2026-03-02T12:00:00Z;"ann; or ""A""";C-1;\n;ann;C-2;\n1;2\n'
        "2026-03-02T12:00:00Z;ann;C-3;noise\n\n2026-03-02T12:00:00Z;ann;C-4;x\n".encode()
    )
    head = 'input = "csv"\n[csv]\ndelimiter = ";"\n'
    assert told(path, head) == [
        (1, "C-1"),
        (2, "at is missing"),
        (3, "the row has 2 values, the header 4 names"),
        (0, "1"),
        (5, "C-4"),
    ]


def test_a_csv_log_without_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("2026-03-02T12:00:00Z,ann,C-1\n", encoding="utf-8")
    assert told(path, 'input = "csv"\n[csv]\nheader = ["t", "who", "c"]\n') == [(1, "C-1")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "row 0: it is empty"),
        (b"a,a\n", "row 0: a column is there more than once"),
        (b't,who\n"open', "row 1: it is no CSV"),
        (b"t,who\n\xff,x\n", "row 1: it is not UTF-8"),
        (b"t,who\n" + b"x" * 200_000 + b",y\n", "row 1: it is no CSV"),
    ],
)
def test_a_csv_log_that_is_broken_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=words):
        read(path, 'input = "csv"')


# --- the mapping's own file -------------------------------------------------------------------------------


def test_the_mapping_is_a_file_of_ones_own(tmp_path: Path) -> None:
    log, mapping = tmp_path / "a.ndjson", tmp_path / "m.toml"
    log.write_text(line() + line(), encoding="utf-8")
    mapping.write_text(MAPPING.format(head='[options]\ntag = "x"'), encoding="utf-8")
    options = options_from_document({"mapping": str(mapping), "tag": "y"})
    assert len(list(read_mapped(log, options))) == 2


def test_without_a_mapping_nothing_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a mapping"):
        read_mapped(tmp_path / "a")
    with pytest.raises(UsageError, match="needs the option 'mapping'"):
        options_from_document({"tag": "x"})
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        options_from_document({"mapping": str(tmp_path / "nowhere.toml")})
    (tmp_path / "latin").write_bytes(b"# \xff")
    with pytest.raises(UsageError, match="not UTF-8 at byte 2"):
        options_from_document({"mapping": str(tmp_path / "latin")})
