"""What lies in a workspace: no customer's address and no customer's id in plain, and everything its owner's alone."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.stories.conftest import made_once
from tests.stories.desk import Desk

_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@pytest.fixture(scope="module")
def used(shared_folder: Path, tiny_market: Path) -> tuple[Desk, Path]:
    """A workspace after everything that the program can do with it, bad input included; its marketplace."""
    folder = made_once(shared_folder / "story-privacy", lambda path: _use(path, tiny_market))
    return Desk(folder / "ws", folder / "config"), tiny_market


def _use(folder: Path, market: Path) -> None:
    desk = Desk(folder / "ws", folder / "config")
    desk.fill(market)
    table = pq.read_table(market / "customers.parquet").to_pylist()
    some = table[:50]
    log = folder / f"asked by {some[0]['email']}.csv"
    # What careless people and programs write into free text, into times, and into the wrong column.
    rows = [
        f"2025-01-01T00:00:00{'Z' if number % 2 else ''},u1,{one['customer']},email,asked by {one['email']}\n"
        for number, one in enumerate(some)
    ]
    log.write_text("at,principal,customer,fields,reason\n" + "".join(rows), encoding="utf-8")
    assert desk.run("ingest", "accesses", log).code == 3
    doubled = folder / "customers.csv"
    doubled.write_text(
        "customer,email,segment\n" + "".join(f"{one['customer']},{one['email']} x,{one['email']}\n" for one in some),
        encoding="utf-8",
    )
    assert desk.run("ingest", "customers", doubled).code in (0, 3)
    elsewhere = folder / "known_elsewhere.ndjson"
    elsewhere.write_text(
        "".join(
            json.dumps({"customer": one["customer"], "field": "email", "since": "2024-01-01T00:00:00Z"}) + "\n"
            for one in some
        ),
        encoding="utf-8",
    )
    desk.json("ingest", "known_elsewhere", elsewhere)
    evidence = folder / "evidence.csv"
    evidence.write_text(
        "customer,kind,received_at,reporter\n"
        + "".join(f"{one['customer']},report,2025-06-01T00:00:00Z,{one['email']}\n" for one in some)
        + f"{some[0]['customer']},report,2025-06-01,{some[0]['email']}\n",
        encoding="utf-8",
    )
    assert desk.run("ingest", "evidence", evidence).code == 3
    broken = folder / f"{some[0]['email']}.eml"
    broken.write_bytes(b"\x00" + some[0]["email"].encode())
    assert desk.run("mail", broken).code == 3
    for campaign in desk.json("campaigns")[:2]:
        desk.json("trace", campaign["campaign"], "--why", "case 7")
    assert desk.run("trace", "--evidence", evidence).code == 3
    assert desk.run("link", desk.main_campaign(), evidence).code in (2, 3)
    # And what they write as a reason, or take for somebody's account.
    address, name = some[0]["email"], desk.main_campaign()
    for refused in (
        ("trace", name, "--why", f"asked by {address}"),
        ("trace", name, "--field", address),
        ("campaigns", "merge", *(one["campaign"] for one in desk.json("campaigns")[:2]), "--why", f"by {address}"),
        ("ledger", "hold", "case-1", some[0]["customer"], "--why", f"for {address}"),
        ("lookup", address),
        ("lookup", some[0]["customer"]),
    ):
        assert desk.run(*refused).code == 2, refused
    desk.json("link", *(campaign["campaign"] for campaign in desk.json("campaigns")[:2]))


def _customers(market: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(market / "customers.parquet").to_pylist()
    return rows


def _texts(column: pa.ChunkedArray[Any]) -> Iterator[bytes]:
    """Every text and every run of bytes in a column, whatever it is encoded as."""
    for value in column.unique().to_pylist() if not pa.types.is_nested(column.type) else column.to_pylist():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str):
                yield one.encode()
            elif isinstance(one, bytes):
                yield one


def _plain_of(path: Path) -> Iterator[bytes]:
    """What anybody who has the file can read in it: its bytes, and unpacked what can be unpacked."""
    raw = path.read_bytes()
    yield str(path).encode()
    yield raw
    if raw.startswith(b"\x1f\x8b"):
        yield gzip.decompress(raw)
    if raw.startswith(b"PAR1"):
        table = pq.read_table(path)
        for name in table.column_names:
            yield b"\n".join(_texts(table.column(name)))
    if raw.startswith(b"SQLite format 3\x00"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            yield "\n".join(connection.iterdump()).encode("utf-8", "surrogatepass")


def _files(desk: Desk) -> list[Path]:
    return sorted(path for path in desk.workspace.rglob("*") if path.is_file())


def _words(content: bytes) -> set[bytes]:
    """Runs of letters and digits, as ids stand in text; an id inside a longer run is no id."""
    cleaned = bytes(byte if chr(byte) in _ID_CHARACTERS else 0x20 for byte in range(256))
    return set(content.translate(cleaned).split())


def test_no_address_of_a_customer_stands_in_any_file(used: tuple[Desk, Path]) -> None:
    desk, market = used
    addresses = {one["email"].encode() for one in _customers(market)}
    local_parts = {address.split(b"@")[0] for address in addresses}
    assert len(addresses) == 500
    for path in _files(desk):
        for content in _plain_of(path):
            lowered = content.lower()
            if b"@" not in lowered:
                continue
            found = [one for one in addresses if one in lowered]
            assert not found, f"{path.relative_to(desk.workspace)} holds {found[:3]}"
    words = {bytes(part) for path in _files(desk) for content in _plain_of(path) for part in content.lower().split()}
    assert not words & local_parts


def test_no_id_of_a_customer_stands_in_any_file(used: tuple[Desk, Path]) -> None:
    desk, market = used
    ids = {str(one["customer"]).encode() for one in _customers(market)}
    assert len(ids) == 500
    for path in _files(desk):
        for content in _plain_of(path):
            found = sorted(_words(content) & ids)
            assert not found, f"{path.relative_to(desk.workspace)} holds {found[:3]}"


def test_the_scan_would_find_them(used: tuple[Desk, Path], tmp_path: Path) -> None:
    _, market = used
    customers = _customers(market)
    ids = {str(one["customer"]).encode() for one in customers}
    table = pq.read_table(market / "customers.parquet")
    seen = b"\n".join(content for content in _plain_of(market / "customers.parquet"))
    assert customers[7]["email"].encode() in seen
    assert len(_words(seen) & ids) == len(ids)
    encoded = tmp_path / "encoded.parquet"
    pq.write_table(table.set_column(0, "customer", table.column("customer").dictionary_encode()), encoded)
    assert len(_words(b"\n".join(_plain_of(encoded))) & ids) == len(ids)
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(b"customer " + customers[7]["email"].encode()))
    assert any(customers[7]["email"].encode() in content for content in _plain_of(packed))
    database = tmp_path / "some.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE some (word TEXT)")
        connection.execute("INSERT INTO some VALUES (?)", (str(customers[7]["customer"]),))
        connection.commit()
    assert str(customers[7]["customer"]).encode() in _words(b"\n".join(_plain_of(database)))


def test_everything_is_its_owners_alone(used: tuple[Desk, Path]) -> None:
    desk, _ = used
    for path in [desk.workspace, *desk.workspace.rglob("*")]:
        assert not path.is_symlink()
        wanted = 0o700 if path.is_dir() else 0o600
        assert path.stat().st_mode & 0o777 == wanted, f"{path} is {path.stat().st_mode & 0o777:o}"


def test_the_key_lies_outside_and_is_its_owners_alone(used: tuple[Desk, Path]) -> None:
    desk, _ = used
    (key_file,) = (desk.config / "leaktrace" / "keys").iterdir()
    assert not key_file.is_relative_to(desk.workspace)
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert key_file.parent.stat().st_mode & 0o777 == 0o700
    secret = key_file.read_text(encoding="ascii").split()[1]
    for path in _files(desk):
        content = path.read_bytes()
        assert secret.encode() not in content
        assert bytes.fromhex(secret) not in content


def test_nothing_temporary_is_left(used: tuple[Desk, Path]) -> None:
    desk, _ = used
    assert list((desk.workspace / "ledger" / "tmp").iterdir()) == []
    assert [path.name for path in (desk.workspace / "mail" / "raw" / "aside").iterdir()] in ([], ["lock"])
    assert not [path for path in _files(desk) if path.name.startswith(".")]
