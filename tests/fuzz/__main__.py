"""Random input for every reader of files: `python -m tests.fuzz READER --seconds 10`, or `all` of them.

Every input is a valid file after a few changes. A reader may refuse it with one of the project's errors. Any other
exception, ten seconds without an end, memory beyond what its size allows, a started program, an unpickled name or a
file written ends the run with the input in a file.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz import watch
from tests.fuzz.readers import READERS, Reader

_ROOM_BYTES = 3 << 30


def fuzz(reader: Reader, seconds: float, seed: int) -> str:
    """Give a reader random input for a time; return what is to be said.

    Raises
    ------
    AssertionError
        If memory grew beyond what the inputs allow; what an input makes its reader raise goes through as it is.
    """
    rng = random.Random(seed)
    answers: Counter[str] = Counter()
    slowest, largest, n = 0.0, 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        seeds = reader.seeds(folder)
        for valid in seeds:  # a reader that refuses its own files tells nothing
            reader.read(reader.put(valid, folder), folder)
        watch.limit_memory(_ROOM_BYTES)
        first = watch.forget_peak()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            raw = reader.input(seeds, rng)
            path = reader.put(raw, folder)
            before = watch.forget_peak()
            begun = time.process_time()
            try:
                with watch.watched():
                    reader.read(path, folder)
                answers["accepted"] += 1
            except reader.allowed:
                answers["refused"] += 1
            except BaseException:
                _keep(raw, reader.suffix)
                raise
            slowest = max(slowest, time.process_time() - begun)
            n += 1
            grown = watch.peak_bytes() - before
            largest = max(largest, grown)
            if grown > watch.ROOM_BYTES + watch.PER_BYTE * len(raw):
                _keep(raw, reader.suffix)
                raise AssertionError(f"memory grew by {grown / 1e6:.0f} MB with an input of {len(raw)} bytes")
    kept = watch.forget_peak() - first
    assert kept < watch.ROOM_BYTES, f"{kept / 1e6:.0f} MB of memory were not given back"
    return (
        f"{reader.name}: {n} inputs in {seconds:g} s, seed {seed}: {answers['refused']} refused, "
        f"{answers['accepted']} accepted; slowest {slowest * 1e3:.0f} ms, most memory for one {largest / 1e6:.0f} MB"
    )


def _keep(raw: bytes, suffix: str) -> None:
    with tempfile.NamedTemporaryFile(prefix="fuzz-", suffix=suffix, delete=False) as file:
        file.write(raw)
    sys.stderr.write(f"the input is in {file.name}\n")


def _again(reader: Reader, path: Path) -> int:
    """Give a reader one file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        reader.seeds(folder)
        put = reader.put(path.read_bytes(), folder)
        with watch.watched():
            reader.read(put, folder)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz readers, each in a process of its own, and say how many inputs were tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("reader", choices=[*READERS, "all"])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each reader (default: 10)")
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time, which is printed")
    parser.add_argument("--at-once", type=int, default=1, help="of `all`, so many at a time (default: 1)")
    parser.add_argument("--input", type=Path, help="read this file alone, as a run kept it")
    args = parser.parse_args(argv)
    seed = random.SystemRandom().randrange(2**32) if args.seed is None else args.seed
    if args.reader == "all":
        command = [sys.executable, "-m", "tests.fuzz", "--seconds", str(args.seconds), "--seed", str(seed)]
        with ThreadPoolExecutor(args.at_once) as pool:
            ended = pool.map(lambda name: subprocess.run([*command, name], check=False).returncode, READERS)
            failed = [name for name, status in zip(READERS, ended, strict=True) if status]
        sys.stdout.write(f"failed: {', '.join(failed)}\n" if failed else f"all {len(READERS)} readers held\n")
        return 1 if failed else 0
    warnings.simplefilter("error")
    watch.install()
    if args.input:
        return _again(READERS[args.reader], args.input)
    try:
        said = fuzz(READERS[args.reader], args.seconds, seed)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        sys.stderr.write(f"{args.reader}, seed {seed}\n{traceback.format_exc()}")
        return 1
    sys.stdout.write(said + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
