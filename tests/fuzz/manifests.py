"""Random input for the checker: `python -m tests.fuzz.manifests --seconds 30` tries as many files as it can.

Every input starts from an example of a kind and generation, or from bytes; it is changed a few times, as a value, as a
text or as bytes, and checked as a file would be. An exception, an input that takes too long, or memory that grows and
grows ends the run with the input in a file. With --atheris, atheris chooses the bytes by the code that they reach.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ptyproof.checking import GROUPS, SEVERITIES
from ptyproof.checking import judge as run
from ptyproof.checking.model.loading import load_bytes
from ptyproof.checking.output import as_annotations, as_json, as_text
from tests.helpers.mutations import mutate

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples"
SLOW_S = 5.0
GROWTH_BYTES = 300_000_000
ODD: tuple[Any, ...] = (
    *(None, True, "", "x", 0, -1, 1e308, -1e308, 5e-324, 2**63, 10**300, 0.1, [], {}, [[]], {"": None}, ["a"] * 3),
    *("../../etc/passwd", "/etc/passwd", "a/../../b", "C:\\x", "\u202e", "a\nb", "\x00", "💥", "a" * 5000, "NaN", "1"),
    *("9999-12-31T23:59:59Z", "0000-00-00T00:00:00Z", "2025-02-30T00:00:00Z", "." * 300, "-" * 200, "(" * 99, "$[0]"),
)
PIECES = (b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\xff", b"\xef\xbb\xbf", b"\x00", b"1e999", b"NaN", b"-")


def check(raw: bytes, folder: Path) -> None:
    """Check what could be a file's content, and write what is found in every format; what a check raises goes through.

    Raises
    ------
    AssertionError
        If a finding is no finding.
    """
    run.UPSETTING = ()
    checked = run.judge(load_bytes(raw), "fuzz.json", folder=folder)
    for finding in checked.findings:
        assert finding.severity in SEVERITIES
        assert finding.group in GROUPS
        assert finding.json_path.startswith("$")
        assert "\n" not in str(finding)
        assert len(str(finding)) < 20_000
    as_text(checked, everything=True)
    as_annotations(checked)
    json.dumps(as_json([checked]), allow_nan=False).encode()


def corpus() -> list[bytes]:
    """Return every valid example."""
    return [path.read_bytes() for path in sorted(EXAMPLES.glob("*/valid/*.json"))]


def random_input(examples: Sequence[bytes], rng: random.Random) -> bytes:
    """Return an example after a few changes."""
    raw = rng.choice(examples)
    try:
        for _ in range(rng.choice((1, 1, 2, 3, 8))):
            value = json.loads(raw)
            change = rng.random()
            if change < 0.45:
                raw = mutate(value, raw.decode(), rng).text.encode("utf-8", "surrogatepass")
            elif change < 0.8:
                raw = json.dumps(odd(value, rng), ensure_ascii=False).encode("utf-8", "surrogatepass")
            else:
                raw = _bytes(raw, rng)
    except (ValueError, OverflowError, IndexError):  # no JSON any more, or nothing that can be changed
        raw = _bytes(raw, rng)
    return raw


def odd(value: Any, rng: random.Random) -> Any:
    """Return a value with something odd somewhere in it."""
    here = value
    while isinstance(here, (dict, list)) and here:
        key = rng.choice(list(here)) if isinstance(here, dict) else rng.randrange(len(here))
        if rng.random() < 0.25 or not isinstance(here[key], (dict, list)) or not here[key]:
            here[key] = rng.choice(ODD)
            return value
        here = here[key]
    return rng.choice(ODD)


def _bytes(raw: bytes, rng: random.Random) -> bytes:
    spot = rng.randrange(len(raw) + 1)
    match rng.randrange(4):
        case 0:
            return raw[:spot]
        case 1:
            return raw[:spot] + rng.choice(PIECES) * rng.choice((1, 1, 2, 500)) + raw[spot:]
        case 2:
            return raw[:spot] + bytes([rng.randrange(256)]) + raw[spot + 1 :]
    end = rng.randrange(len(raw) + 1)
    return raw[:spot] + raw[end : end + 200] + raw[spot:]


def fuzz(seconds: float, seed: int, folder: Path) -> tuple[int, float, float]:
    """Check random input for a time; return how many, the slowest in seconds, and the growth of memory in bytes."""
    rng, examples = random.Random(seed), corpus()
    n, slowest, first_peak = 0, 0.0, 0.0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        raw = random_input(examples, rng)
        begun = time.process_time()
        try:
            check(raw, folder)
        except Exception:
            _keep(raw)
            raise
        taken = time.process_time() - begun
        if taken > SLOW_S:
            _keep(raw)
            raise AssertionError(f"an input of {len(raw)} bytes took {taken:.1f} s")
        n, slowest = n + 1, max(slowest, taken)
        if n == 500:
            first_peak = _peak()
    growth = _peak() - first_peak if n >= 500 else 0.0
    assert growth < GROWTH_BYTES, f"memory grew by {growth / 1e6:.0f} MB"
    return n, slowest, growth


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def _keep(raw: bytes) -> None:
    with tempfile.NamedTemporaryFile(prefix="fuzz-", suffix=".json", delete=False) as file:
        file.write(raw)
    sys.stderr.write(f"the input is in {file.name}\n")


def _atheris(seconds: int, folder: Path) -> None:
    """Hand over to atheris, which ends the process."""
    import atheris

    def test_one_input(raw: bytes) -> None:
        check(raw, folder)

    seeds = folder / "corpus"
    seeds.mkdir()
    for number, raw in enumerate(corpus()):
        (seeds / f"{number}.json").write_bytes(raw)
    atheris.instrument_all()
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", "-max_len=20000", "-timeout=10", str(seeds)], test_one_input
    )
    atheris.Fuzz()


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz, and say how many inputs were tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.manifests", description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time, which is printed")
    parser.add_argument("--atheris", action="store_true", help="let atheris choose the bytes")
    args = parser.parse_args(argv)
    seed = random.SystemRandom().randrange(2**32) if args.seed is None else args.seed
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        if args.atheris:
            _atheris(args.seconds, folder)
        try:
            n, slowest, growth = fuzz(args.seconds, seed, folder)
        except Exception:  # noqa: BLE001 - whatever it is, it is the result of the run
            sys.stderr.write(f"seed {seed}\n{traceback.format_exc()}")
            return 1
    sys.stdout.write(
        f"inputs {n} in {args.seconds} s, seed {seed}: no exception; slowest {slowest * 1e3:.0f} ms, "
        f"memory grew by {growth / 1e6:.0f} MB\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
