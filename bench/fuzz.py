"""`python -m bench.fuzz`: mutated mails, guided by coverage, against the bounds that `read_mail` promises.

Each mail goes the whole way but for the disk: read, told from others, searched for what groups it and for what shows
its seller. Two stages. Atheris mutates mails (bytes, lines, and whole parts put into each other) while it watches which
lines of the mailroom run, and keeps what reaches new ones; no input may raise. Then everything it kept, and every mail
it began with, is taken in again without instruments: CPU time against max(50 ms, 1 s per MB), memory against 16 MB + 20
times the message. Writes docs/benchmarks/fuzz.md.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.machine import machine

DOCS = Path(__file__).parent.parent / "docs" / "benchmarks"
ROOT = Path(__file__).parent.parent
SEED_CEILING_BYTES = 60_000


def allowed_seconds(size_bytes: int) -> float:
    """CPU seconds that a message may take."""
    return max(0.05, size_bytes / 1e6)


def allowed_bytes(size_bytes: int) -> int:
    """Memory that a message may take on top of what the process has."""
    return 16_000_000 + 20 * size_bytes


def begin_with(corpora: Path | None) -> Iterator[bytes]:
    """Mails to begin with: made ones, the tests' and the tutorial's, and public ones where they are."""
    from tests.mailroom.test_mail_properties import SAMPLES

    from bench.mailmade import message

    yield from (raw[:SEED_CEILING_BYTES] for raw in SAMPLES.values())
    yield from (message(seed)[:SEED_CEILING_BYTES] for seed in range(8))
    yield from (path.read_bytes() for path in sorted((ROOT / "tests" / "assets").rglob("*.eml")))
    if corpora is not None and corpora.is_dir():
        for path in sorted(corpora.rglob("*")):
            if path.suffix in (".eml", ".txt", ".msg", ".tnef", ".zip") and path.stat().st_size <= SEED_CEILING_BYTES:
                head = b"" if path.suffix == ".eml" else b"From: a@b.example\r\nSubject: Fwd: x\r\n\r\n"
                yield head + path.read_bytes()


def mutated(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """One change that a mutation of single bytes hardly ever makes: lines and parts moved, nested, cut or repeated."""
    lines = content.split(b"\n")
    at, to = chance.randrange(len(lines)), chance.randrange(len(lines))
    kind = chance.randrange(9)
    if kind == 0:
        lines.insert(to, lines[at])
    elif kind == 1:
        del lines[at]
    elif kind == 2:
        lines[at] *= chance.choice((2, 8, 200))
    elif kind == 3:
        lines[at:at] = [lines[at]] * chance.choice((3, 50, 500))
    elif kind == 4:
        return content.partition(b"\n\n")[0] + b"\n\n" + other.partition(b"\n\n")[2]
    elif kind == 5:
        return b"From: a@b.example\nContent-Type: message/rfc822\n\n" + content
    elif kind == 6:
        coded = base64.encodebytes(content)
        return b"From: a@b.example\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + coded
    elif kind == 7:
        boundary = b"%x" % chance.getrandbits(32)
        opening = b'From: a@b.example\nContent-Type: multipart/mixed; boundary="' + boundary + b'"\n\n--' + boundary
        attached = b"\nContent-Type: message/rfc822\n\n" + content + b"\n--" + boundary
        return opening + attached + b"\n\n" + other + b"\n--" + boundary + b"--\n"
    else:
        lines[at:to] = other.split(b"\n")[:20]
    return b"\n".join(lines)


def taken_in() -> Callable[[bytes], None]:
    """All that is done with the bytes of one mail when it comes."""
    from leaktrace.keys import Keyring
    from leaktrace.mailroom.features import features_of
    from leaktrace.mailroom.read import read_mail
    from leaktrace.mailroom.sameness import content_sha256
    from leaktrace.mailroom.sellertraces import traces_of

    hash_word = Keyring(bytes(32), "fuzz").feature_hash

    def take_in(raw: bytes) -> None:
        record = read_mail(raw)
        content_sha256(raw)
        for original in record.originals:
            features_of(original, hash_word)
            traces_of(original, record.reporter.address, hash_word)

    return take_in


def drive(runs: int, seconds: int, corpus: Path, seed: int) -> None:
    """Stage one, in a process of its own: libFuzzer ends the process when it is done or something raised.

    Several drive at once, one for each core, each with a seed of its own; what one keeps the others take up.
    """
    import atheris

    with atheris.instrument_imports(include=["leaktrace.mailroom"]):
        take_in = taken_in()

    known = [path.read_bytes() for path in sorted(corpus.glob("begin-*"))]

    def custom(content: bytes, max_size: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(content, max_size))
        return mutated(content or b"\n", chance.choice(known), chance)[:max_size]

    def once(content: bytes) -> None:
        take_in(bytes(content))

    arguments = [
        sys.argv[0], str(corpus), f"-runs={runs}", f"-max_total_time={seconds}", "-max_len=100000", "-timeout=20",
        "-rss_limit_mb=4000", f"-artifact_prefix={corpus.parent}/failed-", "-print_final_stats=1", f"-seed={seed}",
        "-len_control=0", "-reload=10",
    ]  # fmt: skip
    atheris.Setup(arguments, once, custom_mutator=custom)
    atheris.Fuzz()


def measure(corpus: Path) -> tuple[int, float, float, dict[Path, str]]:
    """Stage two: (messages, worst share of the time allowed, worst share of the memory allowed, those over either)."""
    take_in = taken_in()
    take_in(b"From: a@b.example\n\nx")
    slowest = largest = 0.0
    over: dict[Path, str] = {}
    paths = sorted(corpus.iterdir())
    for path in paths:
        raw = path.read_bytes()
        share = min(_cpu_seconds(take_in, raw) for _ in range(3)) / allowed_seconds(len(raw))
        tracemalloc.start()
        take_in(raw)
        memory = tracemalloc.get_traced_memory()[1] / allowed_bytes(len(raw))
        tracemalloc.stop()
        slowest, largest = max(slowest, share), max(largest, memory)
        if max(share, memory) > 1:
            over[path] = f"{share:.2f} of the time, {memory:.2f} of the memory"
    return len(paths), slowest, largest, over


def _cpu_seconds(take_in: Callable[[bytes], None], raw: bytes) -> float:
    began = time.process_time()
    take_in(raw)
    return time.process_time() - began


def _driven(corpus: Path, runs: int, seconds: int, workers: int) -> int:
    """How many mails were read by so many processes; ends this one where a process did not end well."""
    processes = [
        subprocess.Popen(
            [
                sys.executable, "-m", "bench.fuzz", "--drive", str(corpus), "--runs", str(-(-runs // workers)),
                "--seconds", str(seconds), "--seed", str(number),
            ],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for number in range(1, workers + 1)
    ]  # fmt: skip
    with ThreadPoolExecutor(workers) as pool:  # each pipe is emptied while the others run
        told = list(pool.map(lambda process: process.communicate()[0], processes))
    failed = sorted(corpus.parent.glob("failed-*"))
    if failed or any(process.returncode for process in processes):
        sys.exit("\n".join((*(one[-6000:] for one in told), f"What failed is in {_kept(failed)}.")))
    return sum(
        int(line.rsplit(":", 1)[1]) for one in told for line in one.splitlines() if "number_of_executed_units" in line
    )


def _kept(over: Iterable[Path]) -> Path | None:
    """Where copies of these mails lie from now on, to be looked at; null for none."""
    paths = list(over)
    if not paths:
        return None
    folder = Path(tempfile.mkdtemp(prefix="leaktrace-fuzz-over-"))
    for path in paths:
        shutil.copy(path, folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200_000)
    parser.add_argument("--seconds", type=int, default=1200)
    parser.add_argument("--corpora", type=Path, default=ROOT.parent / "shared" / "corpora")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that mutate side by side")
    parser.add_argument("--drive", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.drive is not None:
        drive(asked.runs, asked.seconds, asked.drive, asked.seed)
        return
    with tempfile.TemporaryDirectory(prefix="leaktrace-fuzz-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, raw in enumerate(begin_with(asked.corpora)):
            (corpus / f"begin-{number:05}").write_bytes(raw)
        began_with = len(list(corpus.iterdir()))
        began = time.monotonic()
        executed = _driven(corpus, asked.runs, asked.seconds, asked.workers)
        took = time.monotonic() - began
        failed_count = len(list(Path(folder).glob("failed-*")))
        count, slowest, largest, over = measure(corpus)
        kept = _kept(over)
    text = (
        "# Mutated mails\n\n"
        f"Made by `make fuzz`; do not edit by hand. Machine: {machine()}.\n\n"
        f"{executed:,} mails in {took:,.0f} s by {asked.workers} processes, begun with {began_with}; "
        f"{count - began_with} kept because they reached new lines. The bounds are measured on those and on what was "
        "begun with, without instruments.\n\n"
        "| what | measured | bar |\n|---|---|---|\n"
        f"| exceptions, hangs | {failed_count} | 0 |\n"
        f"| worst CPU time, as a share of max(50 ms, 1 s per MB) | {slowest:.2f} | <= 1 |\n"
        f"| worst memory, as a share of 16 MB + 20 times the message | {largest:.2f} | <= 1 |\n"
        f"| over either | {len(over)} | 0 |\n"
    )
    DOCS.joinpath("fuzz.md").write_text(text, encoding="utf-8")
    print(text)
    if kept is not None:
        print(*(f"{kept / path.name}: {told}" for path, told in over.items()), sep="\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
