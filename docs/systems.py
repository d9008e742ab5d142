"""The systems that the tutorial on cases acts on: `python -m docs.systems MARKET WORKSPACE`, stopped with Ctrl-C.

A simulated identity provider, seller desk and mail relay on this machine's loopback, for one `leaktrace simulate`
market. MARKET gets `contain.toml` with the secrets beside it, and a directory of customers' addresses; WORKSPACE gets
the `notices.toml` that names relay and directory.
"""

from __future__ import annotations

import csv
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from leaktrace.simulate.outside import Outside

ADMINISTRATORS = ("root", "second-root")
"""Accounts of the identity provider that stay when somebody is suspended."""
_NOTICES = """[from]
name = "The simulated marketplace"
address = "privacy@market.example"

[relay]
host = "127.0.0.1"
port = {port}
tls = "none"

[dkim]
domain = "market.example"
selector = "tutorial"
key_file = "{folder}/dkim.pem"

[contact]
mail = "privacy@market.example"
page = "https://market.example/notice"
phone = "+49 30 1234"
post = "Hauptstrasse 1, 10115 Berlin"
officer = "officer@market.example"

[directory]
kind = "csv"
path = "{folder}/directory.csv"
customer_column = "customer"
address_column = "email"
"""


@contextmanager
def running(market: Path, workspace: Path) -> Iterator[Outside]:
    """The systems while they run, with every principal of the market as a user of the identity provider."""
    folder = market.resolve()
    with (folder / "principals.csv").open(encoding="utf-8", newline="") as stream:
        users = [row["principal"] for row in csv.DictReader(stream)]
    _write_directory(folder)
    _write_signing_key(folder / "dkim.pem")
    with Outside(folder, (*users, *ADMINISTRATORS)) as outside:
        text = _NOTICES.format(port=outside.relay_port, folder=folder)
        (workspace / "notices.toml").write_text(text, encoding="utf-8")
        yield outside


def _write_directory(folder: Path) -> None:
    """The company's own directory: notices read addresses there and nowhere else."""
    table = pq.read_table(folder / "customers.parquet", columns=["customer", "email"])
    with (folder / "directory.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(table.column_names)
        writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _write_signing_key(path: Path) -> None:
    key = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(key)


def main(arguments: list[str]) -> None:
    """Runs them until the program is interrupted."""
    market, workspace = (Path(one) for one in arguments)
    try:
        with running(market, workspace):
            sys.stdout.write(f"Ready: {market}/contain.toml, {workspace}/notices.toml. Ctrl-C ends it.\n")
            sys.stdout.flush()
            threading.Event().wait()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main(sys.argv[1:])
