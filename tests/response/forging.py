"""What somebody can do to a bundle on disk: change files, make the bag fit again, sign it, make the log fit again.

Each step that makes the forgery fit better is a method of its own, so that a test can say how far the forger went.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leaktrace.response.bundle import BundleInput, bundle_files
from tests.response.made_cases import CASE, LOG_KEY, ORIGIN, checkpoint_of, note, path_of, public_bytes, sign_as

TAGS = ("VERIFY.md", "bag-info.txt", "bagit.txt", "manifest-sha256.txt", "signatures/key.pem", "verify.py")


@dataclass(frozen=True)
class Forger:
    """Somebody with write access to a bundle."""

    root: Path

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def edit(self, name: str, change: Callable[[bytes], bytes]) -> None:
        before = self.read(name)
        after = change(before)
        assert after != before, f"{name} was not changed"
        self.write(name, after)

    def replace(self, name: str, old: bytes, new: bytes) -> None:
        assert old in self.read(name), f"{old!r} is not in {name}"
        self.edit(name, lambda content: content.replace(old, new, 1))

    def remove(self, name: str) -> None:
        (self.root / name).unlink()
        if not any((self.root / name).parent.iterdir()):
            (self.root / name).parent.rmdir()

    def files(self, prefix: str = "") -> list[str]:
        found = (str(one.relative_to(self.root)) for one in self.root.rglob("*") if one.is_file())
        return sorted(name for name in found if name.startswith(prefix))

    def lines(self, name: str) -> list[bytes]:
        return self.read(name).splitlines(keepends=True)

    # how far the forger goes

    def rebag(self) -> None:
        """Makes counts and manifests fit: what is left is a valid bag."""
        payload = self.files("data/")
        size = sum((self.root / name).stat().st_size for name in payload)
        info = [line for line in self.lines("bag-info.txt") if not line.startswith(b"Payload-Oxum")]
        self.write("bag-info.txt", b"".join(info) + f"Payload-Oxum: {size}.{len(payload)}\n".encode())
        self.manifest("manifest-sha256.txt", payload)
        self.manifest("tagmanifest-sha256.txt", [name for name in TAGS if (self.root / name).is_file()])

    def manifest(self, name: str, files: list[str]) -> None:
        self.write(name, "".join(f"{hashlib.sha256(self.read(one)).hexdigest()}  {one}\n" for one in files).encode())

    def sign(self, key: str = LOG_KEY, case: str = CASE, tags: tuple[str, ...] | None = None) -> None:
        """Signs the bag as it is with the key that belongs to a name."""
        names = sorted({*TAGS, "tagmanifest-sha256.txt"} if tags is None else tags)
        lines = ["leaktrace bundle 1", f"origin {ORIGIN}", f"case {case}"]
        for one in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
            content = self.read(one) if (self.root / one).is_file() else b""
            lines.append(f"{one} {hashlib.sha256(content).hexdigest()}")
        text = "\n".join([*lines, *(f"tag-file {name}" for name in names)]) + "\n"
        self.write("signatures/bundle.note", note(text, ORIGIN, key))

    def reseal(self) -> None:
        """Everything outside data/ fits again, signed with the log's own key: only what data/ says can be wrong."""
        self.rebag()
        self.sign()

    def take_over(self, key: str) -> None:
        """A foreign key takes the place of the log's, in the bag's signature and in the checkpoint."""
        pem = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + public_bytes(key)).decode()
        self.write("signatures/key.pem", f"-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n".encode())
        self.relog(self.leaves(), key)
        self.rebag()
        self.sign(key)

    # the log

    def leaves(self) -> list[bytes]:
        leaves, content = [], b"".join(self.read(name) for name in self.files("data/log/tile/entries/"))
        while content:
            length = int.from_bytes(content[:2], "big")
            leaves.append(content[2 : 2 + length])
            content = content[2 + length :]
        return leaves

    def write_leaves(self, leaves: list[bytes]) -> None:
        """Entries and their hashes, in a log of fewer than 256 entries."""
        shutil.rmtree(self.root / "data/log/tile")
        framed = b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)
        self.write(f"data/log/tile/entries/000.p/{len(leaves)}", framed)
        hashed = b"".join(hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves)
        self.write(f"data/log/tile/0/000.p/{len(leaves)}", hashed)

    def relog(self, leaves: list[bytes], key: str = LOG_KEY, origin: str = ORIGIN) -> None:
        """The log is made anew of these leaves: tiles, checkpoint and all proofs fit."""
        self.write_leaves(leaves)
        self.write("data/log/checkpoint", checkpoint_of(leaves, key, origin))
        for name in self.files("data/proofs/"):
            index = int(self.lines(name)[1].split()[1])
            if index < len(leaves):
                self.prove(name, index, leaves)

    def prove(self, name: str, index: int, leaves: list[bytes]) -> None:
        hashes = [base64.b64encode(one) for one in path_of(index, leaves)]
        head = b"\n".join([b"c2sp.org/tlog-proof@v1", b"index %d" % index, *hashes])
        self.write(name, head + b"\n\n" + self.read("data/log/checkpoint"))


def write_bundle(given: BundleInput, root: Path) -> Path:
    """The files of a bundle on disk, as they come from the pure part: nothing is verified on the way."""
    for name, content in bundle_files(given, sign_as(LOG_KEY)).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


class Authority:
    """A timestamp authority made with `openssl`: a root, a signer for timestamps only, and what it answers."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        folder.mkdir()
        (folder / "tsa.cnf").write_text(
            "[req]\ndistinguished_name = dn\n[dn]\n"
            "[root]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n"
            "[signer]\nbasicConstraints = CA:FALSE\nextendedKeyUsage = critical,timeStamping\n"
            "[tsa]\nserial = serial\ndefault_policy = 1.2.3.4\ndigests = sha256\nsigner_digest = sha256\n"
            "accuracy = secs:1\nordering = no\ness_cert_id_alg = sha256\n"
        )
        (folder / "serial").write_text("01\n")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        subject = ["-config", "tsa.cnf", "-subj"]
        self._run("req", "-x509", *curve, *subject, f"/CN={name} root", "-extensions", "root", "-keyout", "root.key",
                  "-out", "root.pem", "-days", "40000")  # fmt: skip
        self._run("req", *curve, *subject, f"/CN={name} timestamps", "-keyout", "signer.key", "-out", "signer.csr")
        self._run("x509", "-req", "-in", "signer.csr", "-CA", "root.pem", "-CAkey", "root.key", "-days", "40000",
                  "-extfile", "tsa.cnf", "-extensions", "signer", "-out", "signer.pem")  # fmt: skip
        self.chain = (folder / "signer.pem").read_bytes() + (folder / "root.pem").read_bytes()

    def stamp(self, content: bytes) -> bytes:
        (self._folder / "stamped").write_bytes(content)
        self._run("ts", "-query", "-data", "stamped", "-sha256", "-no_nonce", "-out", "query.tsq")
        self._run("ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", "query.tsq", "-signer",
                  "signer.pem", "-inkey", "signer.key", "-out", "reply.tsr")  # fmt: skip
        return (self._folder / "reply.tsr").read_bytes()

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)
