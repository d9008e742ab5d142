#!/usr/bin/env python3
"""Checks an evidence bundle written by leaktrace. It uses no code of leaktrace: Python 3.9 or later and `cryptography`.

    python verify.py DIR --key FINGERPRINT [--checkpoint FILE]

FINGERPRINT is the SHA-256 of the log's raw Ed25519 public key, in hex; get it, and this file, from somewhere else than
the bundle. FILE is a checkpoint of the same log that was seen earlier, for instance at a witness.

Exit 0: everything holds. 1: something is wrong, and it says what. 2: bad usage. 3: the bundle is intact, but without
--key nothing says whose it is.

What is checked, by number; each number stands at its code and in each message:
 1 folder      plain files and folders only, plain names, no two that differ in case only, nothing empty or huge
 2 bag         bagit.txt and the payload's size and count in bag-info.txt (RFC 8493)
 3 payload     every file in data/ is listed in manifest-sha256.txt with its digest, and nothing else is
 4 tag files   the same for tagmanifest-sha256.txt and the files beside data/
 5 signature   the log's key signed both manifests' digests and the list of tag files
 6 origin      that key has the fingerprint that was asked for
 7 checkpoint  the log's size and root, signed by the same key (C2SP signed note, tlog-checkpoint)
 8 log         its entries give that root and the tiles (RFC 6962, C2SP tlog-tiles)
 9 events      each disclosed event opens the commitment at its index in the log
10 exhibits    each has the digest and the size that its event recorded, and an inclusion proof of that event
11 approvals   two people whose keys were enrolled in the log signed each approved request (DSSE)
12 hand-over   they approved exactly these exhibits for this recipient
13 times       each timestamp (RFC 3161) is over this checkpoint, signed by its authority, after the last entry
14 growth      the log continues the earlier checkpoint (--checkpoint)
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import stat
import sys
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_FILES, MAX_DEPTH, MAX_READ_BYTES = 200_000, 8, 1 << 30
SIGNATURE = "signatures/bundle.note"
TAG_FILES = sorted(
    "VERIFY.md bag-info.txt bagit.txt manifest-sha256.txt signatures/key.pem tagmanifest-sha256.txt verify.py".split()
)
NEEDED = ("cover.pdf", "case-uco.jsonld", "handover.json", "timeline.csv", "log/checkpoint", "log/events.txt")
APPROVAL = "application/vnd.leaktrace.approval.v1+json"
CLOCK_TOLERANCE = timedelta(minutes=5)  # the authority's clock and the log's are two clocks


class Wrong(Exception):
    """The bundle is not what it claims to be."""


def need(holds: object, number: int, message: str) -> None:
    if not holds:
        raise Wrong(f"[{number}] {message}")


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def document(line: bytes, number: int, what: str) -> dict:
    """A JSON object in its one spelling: no key twice, no blanks, sorted."""
    try:
        value = json.loads(line.decode("utf-8"))
        same = isinstance(value, dict) and canonical(value) == line
    except (ValueError, RecursionError) as error:
        raise Wrong(f"[{number}] {what} is no JSON: {error}") from None
    need(same, number, f"{what} is not in canonical spelling")
    return value


def is_text(*values: object) -> bool:
    return all(isinstance(one, str) for one in values)


def moment(text: str, number: int) -> datetime:
    need(is_text(text) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text), number, f"'{text}' is no UTC time")
    try:
        return datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        raise Wrong(f"[{number}] '{text}' is no time") from None


def unbase64(text: str, number: int, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong(f"[{number}] {what} is no base64") from None
    need(base64.b64encode(data).decode() == text, number, f"{what} is no plain base64")
    return data


# --- the folder and the bag: checks 1 to 4 ------------------------------------------------------------------


class Bag:
    """The files of the bundle, by name relative to its folder."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.sizes: dict[str, int] = {}
        need(stat.S_ISDIR(os.lstat(root).st_mode), 1, "the bundle is no folder")
        self._walk("", 0)
        folded = {name.lower() for name in self.sizes}
        need(len(folded) == len(self.sizes), 1, "two names differ in upper and lower case only")

    def _walk(self, folder: str, depth: int) -> None:
        names = sorted(os.listdir(os.path.join(self.root, folder)))
        need(names, 1, f"the folder '{folder}' is empty")
        for name in names:
            path = folder + name
            need(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name), 1, f"the name {path!r} is not plain")
            mode = os.lstat(os.path.join(self.root, path))
            if stat.S_ISDIR(mode.st_mode):
                need(depth < MAX_DEPTH, 1, f"{path} is nested too deeply")
                self._walk(path + "/", depth + 1)
            else:
                need(stat.S_ISREG(mode.st_mode), 1, f"{path} is no plain file")
                self.sizes[path] = mode.st_size
                need(len(self.sizes) <= MAX_FILES, 1, "there are too many files")

    def names(self, prefix: str) -> list[str]:
        return [name for name in self.sizes if name.startswith(prefix)]

    def read(self, name: str) -> bytes:
        need(name in self.sizes, 1, f"{name} is missing")
        need(self.sizes[name] <= MAX_READ_BYTES, 1, f"{name} is too big")
        with open(os.path.join(self.root, name), "rb") as file:
            return file.read()

    def lines(self, name: str, number: int) -> list[bytes]:
        """Lines of a text that is empty or ends with a line feed."""
        data = self.read(name)
        need(not data or data.endswith(b"\n"), number, f"the last line of {name} is cut off")
        return data.split(b"\n")[:-1]

    def digest(self, name: str) -> str:
        hasher = hashlib.sha256()
        with open(os.path.join(self.root, name), "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                hasher.update(block)
        return hasher.hexdigest()


def check_manifest(bag: Bag, manifest: str, expected: list[str], number: int) -> None:
    """The manifest lists exactly the expected files, each once, in order, with the digest it has."""
    listed: dict[str, str] = {}
    for line in bag.lines(manifest, number):
        match = re.fullmatch(rb"([0-9a-f]{64})  ([A-Za-z0-9._/-]+)", line)
        need(match, number, f"{manifest} has a line that is no digest and name")
        digest, name = match.group(1).decode(), match.group(2).decode()
        need(name not in listed, number, f"{manifest} lists {name} twice")
        listed[name] = digest
    for name in sorted(set(expected) ^ set(listed)):
        need(name in listed, number, f"{name} is not listed in {manifest}")
        raise Wrong(f"[{number}] {name} is missing: {manifest} lists it")
    need(list(listed) == sorted(listed), number, f"{manifest} is not sorted")
    for name, digest in listed.items():
        need(bag.digest(name) == digest, number, f"{name} was changed: its digest is not the listed one")


def check_bag(bag: Bag) -> None:
    tags = sorted(name for name in bag.sizes if not name.startswith("data/"))
    for name in sorted({*TAG_FILES, SIGNATURE} ^ set(tags)):
        raise Wrong(f"[4] {name} {'does not belong here' if name in tags else 'is missing'}")
    payload = bag.names("data/")
    for name in NEEDED:
        need(f"data/{name}" in bag.sizes, 3, f"data/{name} is missing")
    marker = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    need(bag.read("bagit.txt") == marker, 2, "bagit.txt is not that of a BagIt 1.0 bag")
    oxum = [line for line in bag.lines("bag-info.txt", 2) if line.startswith(b"Payload-Oxum:")]
    expected = f"Payload-Oxum: {sum(bag.sizes[name] for name in payload)}.{len(payload)}".encode()
    need(oxum == [expected], 2, "the payload has not the size or the count that bag-info.txt says")
    check_manifest(bag, "manifest-sha256.txt", payload, 3)
    check_manifest(bag, "tagmanifest-sha256.txt", [name for name in TAG_FILES if not name.startswith("tagman")], 4)


# --- notes and keys: checks 5 to 7 --------------------------------------------------------------------------


def raw_key(bag: Bag) -> bytes:
    """The log's public key; its PEM has one spelling only."""
    prefix = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo of an Ed25519 key, RFC 8410
    match = re.fullmatch(
        rb"-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/]{59}=)\n-----END PUBLIC KEY-----\n", bag.read("signatures/key.pem")
    )
    der = unbase64(match.group(1).decode(), 5, "signatures/key.pem") if match else b""
    need(len(der) == 44 and der.startswith(prefix), 5, "signatures/key.pem is no Ed25519 public key")
    return der[12:]


def signed_by(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def open_note(note: bytes, name: str, key: bytes, number: int, what: str) -> list[str]:
    """Lines of a signed note's text, once a signature of that name by that key was verified (C2SP signed-note)."""
    text, blank, tail = note.partition(b"\n\n")
    need(blank and tail.endswith(b"\n") and len(note) < 1 << 20, number, f"{what} is no signed note")
    text += b"\n"
    hint = sha256(name.encode() + b"\n\x01" + key)[:4]
    ours = []
    for line in tail.split(b"\n")[:-1]:
        match = re.fullmatch("— ([^ +]+) ([A-Za-z0-9+/]+=*)".encode(), line)
        need(match, number, f"{what} has a signature line that is none")
        if match.group(1) == name.encode():
            blob = unbase64(match.group(2).decode(), number, f"the signature of {what}")
            if blob[:4] == hint:
                ours.append(blob[4:])
    need(len(ours) == 1, number, f"{what} is not signed once by the key in signatures/key.pem")
    need(signed_by(key, ours[0], text), number, f"the signature of {what} is wrong")
    try:
        return text.decode("utf-8").split("\n")[:-1]
    except UnicodeDecodeError:
        raise Wrong(f"[{number}] {what} is not UTF-8") from None


def check_signature(bag: Bag, key: bytes) -> tuple[str, str]:
    """Origin and case that the signature names."""
    note = bag.read(SIGNATURE)
    head = re.match(rb"leaktrace bundle 1\norigin (leaktrace/[A-Za-z0-9._-]+)\ncase ([A-Za-z0-9._-]+)\n", note)
    need(head, 5, f"{SIGNATURE} is not the statement of a bundle")
    origin, case = head.group(1).decode(), head.group(2).decode()
    lines = open_note(note, origin, key, 5, SIGNATURE)
    manifests = [f"{name} {bag.digest(name)}" for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt")]
    need(lines[3:5] == manifests, 5, "the signature is over other manifests than these")
    need(lines[5:] == [f"tag-file {name}" for name in TAG_FILES], 5, "the signature is over another list of tag files")
    return origin, case


def open_checkpoint(note: bytes, origin: str, key: bytes, number: int, what: str) -> tuple[int, bytes]:
    """(size, root) of a signed checkpoint."""
    lines = open_note(note, origin, key, number, what)
    need(len(lines) >= 3 and lines[0] == origin, number, f"{what} is of another log")
    need(re.fullmatch(r"0|[1-9][0-9]{0,17}", lines[1]), number, f"{what} has no size")
    root = unbase64(lines[2], number, f"the root in {what}")
    need(len(root) == 32, number, f"the root in {what} is no SHA-256")
    return int(lines[1]), root


# --- the log: checks 8 and 9 --------------------------------------------------------------------------------


def tree(leaves: list[bytes]) -> list[list[bytes]]:
    """All levels of the Merkle tree, the root last. A last node without a partner rises unchanged (RFC 6962, 2.1)."""
    levels = [[sha256(b"\x00" + leaf) for leaf in leaves]]
    while len(levels[-1]) > 1:
        row = levels[-1]
        pairs = [sha256(b"\x01" + row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
        levels.append(pairs + row[len(row) & ~1 :])
    return levels


def tile_names(kind: str, count: int) -> list[str]:
    """Files that hold `count` things, 256 a file; the last may be partial (C2SP tlog-tiles)."""
    names = []
    for tile in range((count + 255) // 256):
        digits = f"{tile:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        width = min(256, count - tile * 256)
        path = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        names.append(f"data/log/tile/{kind}/{path}" + (f".p/{width}" if width < 256 else ""))
    return names


def read_leaves(bag: Bag, size: int) -> list[bytes]:
    """All entries, from the bundles: each is its length in two bytes, then its bytes."""
    leaves: list[bytes] = []
    for name in tile_names("entries", size):
        data, at = bag.read(name), 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 2], "big")
            need(len(data) >= at + 2 + length and length, 8, f"{name} is cut off")
            leaves.append(data[at + 2 : at + 2 + length])
            at += 2 + length
    need(len(leaves) == size, 8, f"the log has {len(leaves)} entries, its checkpoint says {size}")
    return leaves


def check_log(bag: Bag, size: int, root: bytes) -> tuple[list[dict], list[bytes]]:
    """The entries as records, and as bytes, once they give root and tiles."""
    need(0 < size < 1 << 32, 8, "the log is empty or too large")
    leaves = read_leaves(bag, size)
    levels = tree(leaves)
    need(levels[-1] == [root], 8, "the entries of the log do not give the root in its checkpoint")
    expected = set(tile_names("entries", size))
    for level in range(0, len(levels), 8):
        count = size >> level  # full subtrees only
        names = tile_names(str(level // 8), count)
        expected |= set(names)
        for place, name in enumerate(names):
            hashes_there = b"".join(levels[level][place * 256 : min(count, place * 256 + 256)])
            need(bag.read(name) == hashes_there, 8, f"{name} does not hold the hashes of the entries")
    need(set(bag.names("data/log/tile/")) == expected, 8, "there are tiles that do not belong to this log")
    entries = []
    for index, leaf in enumerate(leaves):
        entry = document(leaf, 8, f"entry {index}")
        need(sorted(entry) == ["at", "case", "commitment", "index", "kind", "schema"], 8, f"entry {index} is no entry")
        need(entry["schema"] == "leaktrace.custody/1", 8, f"entry {index} has another schema")
        need(entry["index"] == index, 8, f"entry {index} says that it is entry {entry['index']}")
        need(is_text(entry["kind"], entry["commitment"], entry["case"]), 8, f"entry {index} is no entry")
        moment(entry["at"], 8)
        entries.append(entry)
    return entries, leaves


def check_events(bag: Bag, entries: list[dict], case: str) -> dict[int, dict]:
    """The disclosed events, by index: documents whose salted digest is the commitment in the log."""
    events: dict[int, dict] = {}
    for line in bag.lines("data/log/events.txt", 9):
        match = re.fullmatch(rb"(0|[1-9][0-9]{0,9}) ([0-9a-f]{64}) (\{.*\})", line)
        need(match, 9, "data/log/events.txt has a line that is no event")
        index, salt = int(match.group(1)), bytes.fromhex(match.group(2).decode())
        need(index < len(entries), 9, f"event {index} is not in the log")
        need(index > max(events, default=-1), 9, "the events are not in the order of the log")
        entry, event = entries[index], document(match.group(3), 9, f"event {index}")
        commitment = sha256(salt + match.group(3)).hex()
        need(commitment == entry["commitment"], 9, f"event {index} is not what was entered in the log")
        same = all(event.get(key) == entry[key] for key in ("at", "case", "kind"))
        need(same, 9, f"event {index} contradicts its entry in the log")
        need(entry["case"] in (case, "-"), 9, f"event {index} belongs to another case")
        need(isinstance(event.get("event"), dict), 9, f"event {index} has no body")
        events[index] = event
    return events


# --- exhibits, people and approvals: checks 10 to 12 ----------------------------------------------------------


def check_proof(bag: Bag, name: str, index: int, leaf: bytes, size: int, root: bytes) -> None:
    """A C2SP tlog-proof of this entry; the walk is that of RFC 9162, section 2.1.3.2."""
    body, _, checkpoint = bag.read(name).partition(b"\n\n")
    need(checkpoint == bag.read("data/log/checkpoint"), 10, f"{name} is for another checkpoint")
    lines = body.decode("ascii", "replace").split("\n")
    need(lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {index}"], 10, f"{name} is no proof of entry {index}")
    place, last, found = index, size - 1, sha256(b"\x00" + leaf)
    for line in lines[2:]:
        sibling = unbase64(line, 10, f"a hash in {name}")
        need(len(sibling) == 32 and last > 0, 10, f"{name} is too long")
        if place & 1 or place == last:
            found = sha256(b"\x01" + sibling + found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = sha256(b"\x01" + found + sibling)
        place, last = place >> 1, last >> 1
    need(last == 0 and found == root, 10, f"{name} does not lead to the root of the log")


def check_exhibits(bag: Bag, events: dict[int, dict], leaves: list[bytes], root: bytes, hand_over: dict) -> None:
    stored = {i: one["event"] for i, one in events.items() if one["kind"] == "ExhibitStored"}
    given, withheld = hand_over.get("exhibits"), hand_over.get("withheld")
    need(isinstance(given, dict) and isinstance(withheld, dict), 12, "data/handover.json lists no exhibits")
    left = {*bag.names("data/exhibits/"), *bag.names("data/proofs/")}
    seen: dict[str, str] = {}
    for index, event in stored.items():
        exhibit, digest = event.get("exhibit"), event.get("sha256")
        good = is_text(exhibit, digest) and re.fullmatch(r"E-[0-9]{4,9}", exhibit) and exhibit not in seen
        need(good, 10, f"event {index} names no exhibit, or one that was there before")
        seen[exhibit] = digest
        proof = f"data/proofs/{exhibit}.tlog-proof"
        check_proof(bag, proof, index, leaves[index], len(leaves), root)
        left.discard(proof)
        files = [name for name in bag.names("data/exhibits/") if name.split("/")[2].split(".")[0] == exhibit]
        if exhibit in withheld:
            need(not files and exhibit not in given, 12, f"{exhibit} is withheld and handed over")
            continue
        need(len(files) == 1, 10, f"{exhibit} is not there exactly once")
        need(bag.digest(files[0]) == digest, 10, f"{files[0]} is not what was taken into evidence as {exhibit}")
        need(bag.sizes[files[0]] == event.get("size_bytes"), 10, f"{files[0]} has not the size of {exhibit}")
        need(given.get(exhibit) == digest, 12, f"{exhibit} is not among what was approved for handing over")
        left.discard(files[0])
    need(not left, 10, f"{min(left, default='')} belongs to no exhibit in the log")
    need({*given, *withheld} == set(seen), 12, "data/handover.json lists exhibits that are not in the log")
    findings = {one["event"].get("exhibit") for one in events.values() if one["kind"] == "FindingAttached"}
    if "data/finding.json" in bag.sizes:
        known = {seen.get(exhibit) for exhibit in findings}
        need(bag.digest("data/finding.json") in known, 10, "data/finding.json is not the finding of the case")


def people_before(events: dict[int, dict], end: int) -> tuple[dict[str, str], dict[str, dict]]:
    """Public key -> person over all keys that were enrolled before entry `end`; and what each person was then."""
    keys: dict[str, str] = {}
    people: dict[str, dict] = {}
    for index, one in events.items():
        event = one["event"]
        if index >= end or one["kind"] not in ("PersonEnrolled", "PersonChanged") or one["case"] != "-":
            continue
        person, key = event.get("person"), event.get("public_key")
        need(is_text(person, key) and re.fullmatch(r"[0-9a-f]{64}", key), 11, f"event {index} enrols nobody")
        need(keys.setdefault(key, person) == person, 11, f"{person} and {keys[key]} have the same key")
        people[person] = event
    return keys, people


def read_envelope(data: bytes, what: str) -> tuple[bytes, list[bytes]]:
    """(payload, signatures) of a DSSE envelope for approvals."""
    envelope = document(data, 11, what)
    need(envelope.get("payloadType") == APPROVAL, 11, f"{what} is no approval")
    listed = envelope.get("signatures")
    good = isinstance(listed, list) and all(isinstance(one, dict) and is_text(one.get("sig")) for one in listed)
    need(good and is_text(envelope.get("payload")), 11, f"{what} is no DSSE envelope")
    need(len(listed) == 2, 11, f"{what} does not have two signatures")
    return unbase64(envelope["payload"], 11, what), [unbase64(one["sig"], 11, what) for one in listed]


def check_approval(data: bytes, what: str, index: int, events: dict[int, dict], entries: list[dict]) -> dict:
    """The payload, once two different people had signed it with keys enrolled before event `index`."""
    payload, signatures = read_envelope(data, what)
    statement = document(payload, 11, f"the payload of {what}")
    signed = b"DSSEv1 %d %s %d %s" % (len(APPROVAL), APPROVAL.encode(), len(payload), payload)
    keys, people = people_before(events, index)
    signers = [
        next((person for key, person in keys.items() if signed_by(bytes.fromhex(key), one, signed)), "")
        for one in signatures
    ]
    need(all(signers), 11, f"{what} is signed by a key that nobody enrolled")
    need(signers[0] != signers[1], 11, f"{what} was signed by one person alone")
    requester = statement.get("requested_by")
    need(requester in signers, 11, f"{what} is not signed by who asked for it")
    approver = next(person for person in signers if person != requester)
    now = people[approver]
    need("approver" in now.get("roles", ()) and now.get("active", True), 11, f"{approver} was no approver")
    at = moment(entries[index]["at"], 11)
    asked, ends = moment(statement.get("requested_at"), 11), moment(statement.get("expires_at"), 11)
    need(asked <= at <= ends, 11, f"{what} was used before it was asked for, or after it had expired")
    case, head = entries[index]["case"], statement.get("case_head")
    mine = [entry for entry in entries if entry["case"] == case]
    good = isinstance(head, dict) and isinstance(head.get("event_count"), int) and 0 < head["event_count"] <= len(mine)
    good = good and mine[head["event_count"] - 1]["commitment"] == head.get("last_commitment")
    need(good and statement.get("case") == case, 11, f"{what} is about a case that this log does not hold")
    return statement


def check_approvals(bag: Bag, events: dict[int, dict], entries: list[dict]) -> list[dict]:
    """Statements of the approvals that were used; every envelope in the bundle belongs to an event, and back."""
    left, used = set(bag.names("data/approvals/")), []
    for index, one in events.items():
        if one["kind"] not in ("ActionApproved", "ActionUsed"):
            continue
        request, digest = one["event"].get("request"), one["event"].get("envelope_sha256")
        need(is_text(request) and re.fullmatch(r"A-[0-9]{4,9}", request), 11, f"event {index} names no request")
        name = f"data/approvals/{request}.json"
        data = bag.read(name)
        need(sha256(data).hex() == digest, 11, f"{name} is not what event {index} is about")
        statement = check_approval(data, name, index, events, entries)
        need(statement.get("request") == request, 11, f"{name} is about another request")
        left.discard(name)
        used += [statement] if one["kind"] == "ActionUsed" else []
    need(not left, 11, f"{min(left, default='')} belongs to no event in the log")
    return used


def check_hand_over(data: bytes, case: str, used: list[dict]) -> None:
    digests = [one.get("parameters_sha256") for one in used if one.get("action") == "hand_over"]
    need(sha256(data).hex() in digests, 12, "two people did not approve handing over exactly this")
    need(document(data, 12, "data/handover.json").get("case") == case, 12, "data/handover.json is of another case")


# --- timestamps: check 13 -------------------------------------------------------------------------------------


def der(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """(tag, content, whole) of the DER values that follow one another in `data`."""
    values, at = [], 0
    while at < len(data):
        need(at + 2 <= len(data), 13, "a timestamp is cut off")
        tag, length, start = data[at], data[at + 1], at + 2
        if length & 0x80:
            start += length & 0x7F
            need(0x80 < length <= 0x84, 13, "a timestamp has a length that is none")
            length = int.from_bytes(data[at + 2 : start], "big")
        need(start + length <= len(data), 13, "a timestamp is cut off")
        values.append((tag, data[start : start + length], data[at : start + length]))
        at = start + length
    return values


def read_chain(pem: bytes, what: str) -> list[x509.Certificate]:
    """The authority's certificates, each issued by the next, the last by itself."""
    try:
        chain = x509.load_pem_x509_certificates(pem)
        for one, issuer in zip(chain, [*chain[1:], chain[-1]]):
            one.verify_directly_issued_by(issuer)
            if issuer is not one or one is chain[-1]:
                need(issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca, 13, f"{what}: no authority")
        usage = chain[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        raise Wrong(f"[13] {what} is no chain of certificates: {error}") from None
    only = list(usage.value) == [x509.ExtendedKeyUsageOID.TIME_STAMPING] and usage.critical
    need(only, 13, f"the first certificate of {what} is not for timestamps")
    return chain


def check_timestamp(response: bytes, chain: list[x509.Certificate], stamped: bytes, what: str) -> datetime:
    """When the authority says it saw `stamped`; RFC 3161 section 2.4.2, RFC 5652 section 5."""
    digests = {"608648016503040201": hashes.SHA256, "608648016503040202": hashes.SHA384, "608648016503040203": hashes.SHA512}
    try:
        outer = der(der(response)[0][1])
        need(outer[0][0] == 0x30 and der(outer[0][1])[0][1] in (b"\x00", b"\x01"), 13, f"{what} was not granted")
        signed = der(der(der(outer[1][1])[1][1])[0][1])
        content = der(der(der(signed[2][1])[1][1])[0][2])[0][1]
        info = der(der(content)[0][1])
        algorithm, imprint = der(info[2][1])
        hash_type = digests[der(algorithm[1])[0][1].hex()]
        generated = datetime.strptime(info[4][1].decode("ascii")[:14], "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
        signer = der(der(signed[-1][1])[0][1])
        attributes, signature = signer[3], signer[5][1]
        values = {der(one[1])[0][1]: der(der(one[1])[1][1])[0][1] for one in der(attributes[1])}
        signer_hash = digests[der(signer[2][1])[0][1].hex()]
        message_digest = values[bytes.fromhex("2a864886f70d010904")]
        content_type = values[bytes.fromhex("2a864886f70d010903")]
    except (IndexError, KeyError, ValueError) as error:
        raise Wrong(f"[13] {what} is no timestamp: {error}") from None
    for one, expected, data in ((hash_type, imprint[1], stamped), (signer_hash, message_digest, content)):
        need(hashlib.new(one.name, data).digest() == expected, 13, f"{what} is over something else than this checkpoint")
    need(content_type == bytes.fromhex("2a864886f70d0109100104"), 13, f"{what} does not sign a time")
    key, message = chain[0].public_key(), b"\x31" + attributes[2][1:]
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), signer_hash())
        else:
            need(isinstance(key, ec.EllipticCurvePublicKey), 13, f"{what}: this kind of key is not known")
            key.verify(signature, message, ec.ECDSA(signer_hash()))
    except InvalidSignature:
        raise Wrong(f"[13] {what} is not signed by its authority") from None
    for one in chain:
        valid = one.not_valid_before_utc <= generated <= one.not_valid_after_utc
        need(valid, 13, f"a certificate of {what} was not valid then")
    return generated


def check_timestamps(bag: Bag, last_entry_at: datetime) -> list[str]:
    """What the timestamps say; none is allowed."""
    said = []
    left = set(bag.names("data/timestamps/"))
    for name in sorted(one for one in left if one.endswith(".tsr")):
        chain_name, root_name = name[:-3] + "chain.pem", name[:-3] + "root.pem"
        chain, roots = read_chain(bag.read(chain_name), chain_name), read_chain(bag.read(chain_name), chain_name)
        root_pem = chain[-1].public_bytes(serialization.Encoding.PEM)
        need(bag.read(root_name) == root_pem, 13, f"{root_name} is not the last of {chain_name}")
        at = check_timestamp(bag.read(name), roots, bag.read("data/log/checkpoint"), name)
        need(at >= last_entry_at - CLOCK_TOLERANCE, 13, f"{name} is older than the last entry of the log")
        left -= {name, chain_name, root_name}
        print_root = chain[-1].fingerprint(hashes.SHA256()).hex()
        said.append(f"timestamp of {at:%Y-%m-%d %H:%M:%S} UTC; the authority's root certificate has SHA-256 {print_root}")
    need(not left, 13, f"{min(left, default='')} belongs to no timestamp")
    return said


# --- all together ---------------------------------------------------------------------------------------------


def verify(folder: str, fingerprint: str | None = None, earlier: bytes | None = None) -> list[str]:
    """Raises Wrong, or returns what a reader should know about a bundle that holds."""
    bag = Bag(folder)  # 1
    check_bag(bag)  # 2, 3, 4
    key = raw_key(bag)
    origin, case = check_signature(bag, key)  # 5
    found = sha256(key).hex()
    need(fingerprint is None or found == fingerprint, 6, f"the bundle is signed by another key: {found}")  # 6
    size, root = open_checkpoint(bag.read("data/log/checkpoint"), origin, key, 7, "the checkpoint")  # 7
    entries, leaves = check_log(bag, size, root)  # 8
    events = check_events(bag, entries, case)  # 9
    data = bag.read("data/handover.json")
    hand_over = document(data, 12, "data/handover.json")
    check_exhibits(bag, events, leaves, root, hand_over)  # 10
    check_hand_over(data, case, check_approvals(bag, events, entries))  # 11, 12
    said = check_timestamps(bag, max(moment(entry["at"], 13) for entry in entries))  # 13
    if earlier is not None:  # 14
        old_size, old_root = open_checkpoint(earlier, origin, key, 14, "the earlier checkpoint")
        need(old_size <= size, 14, f"the log was cut: it has {size} entries, {old_size} had been seen")
        same = old_root == (tree(leaves[:old_size])[-1][0] if old_size else sha256(b""))
        need(same, 14, f"the log was forked: its first {old_size} entries are others than had been seen")
        said.append(f"the log continues the earlier checkpoint of {old_size} entries")
    hidden = sum(entry["case"] == case for entry in entries) - sum(one["case"] == case for one in events.values())
    said += [f"{hidden} events of the case are in the log but not disclosed here"] if hidden else []
    withheld = len(hand_over["withheld"])
    said += [f"{withheld} exhibits are withheld; data/handover.json says why"] if withheld else []
    said += [] if any(" timestamp " in f" {one} " for one in said) else ["no timestamp authority vouches for the time"]
    return [f"case {case} of {origin}: {size} log entries, {len(events)} events disclosed", f"key {found}", *said]


def main(arguments: list[str]) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Check an evidence bundle written by leaktrace.")
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--key", metavar="FINGERPRINT", help="SHA-256 of the log's raw public key, hex")
    parser.add_argument("--checkpoint", metavar="FILE", help="an earlier checkpoint of the same log")
    options = parser.parse_args(arguments)
    key = None if options.key is None else re.sub(r"[\s:-]", "", options.key).lower()
    if key is not None and not re.fullmatch(r"[0-9a-f]{64}", key):
        parser.error("FINGERPRINT is 64 hexadecimal digits")
    if not os.path.isdir(options.folder):
        parser.error("DIR is no folder")
    try:
        with open(options.checkpoint or os.devnull, "rb") as file:
            earlier = file.read(1 << 20) if options.checkpoint else None
    except OSError as error:
        parser.error(f"{options.checkpoint}: {error.strerror}")
    try:
        said = verify(options.folder, key, earlier)
    except Wrong as wrong:
        sys.stdout.write(f"WRONG: {wrong}\n")
        return 1
    except OSError as error:
        sys.stdout.write(f"WRONG: [1] {error}\n")
        return 1
    sys.stdout.write("".join(f"  {line}\n" for line in said))
    if key is None:
        sys.stdout.write("INTACT, ORIGIN UNPROVEN: compare the key's fingerprint with one you got elsewhere (--key).\n")
        return 3
    sys.stdout.write("OK\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
