"""The command that gives readers random input sees what it looks for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = """
import os, pickle, signal, sys, time
import numpy as np
from ptyproof.errors import DataError
from tests.fuzz import watch
from tests.fuzz.__main__ import fuzz
from tests.fuzz.readers import Reader

kept = []
def good(path, folder):
    raise DataError(path, "is refused")
def bad(path, folder):
    {body}
def read(path, folder):
    return (good if path.read_bytes() != b"bad" else bad)(path, folder)
reader = Reader("fake", ".bin", lambda folder: [], lambda raw, rng: raw, read)
reader.input = lambda seeds, rng: b"bad" if len(kept) > 5 else (kept.append(1), b"fine")[1]
watch.SLOW_S = 3.0
watch.ROOM_BYTES = 50_000_000
watch.install()
print(fuzz(reader, {seconds}, 1))
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError('x')", "KeyError"),
        ("time.sleep(60)", "HungError"),
        ("kept.append(np.ones(9_000_000))", "memory"),
        ("os.system('true')", "RanError: os.system"),
        ("pickle.loads(b'cposix\\nsystem\\n.')", "RanError: pickle.find_class"),
        ("open(folder / 'x', 'w')", "RanError: open"),
        ("open(path).read()", ""),
    ],
)
def test_what_no_reader_does_ends_the_run(tmp_path: Path, body: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(body=body, seconds=20 if said else 0.5)],
        cwd=ROOT,
        env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said in done.stderr
    assert (done.returncode == 0) is (said == ""), done.stderr
    assert bool(list(tmp_path.glob("fuzz-*.bin"))) is bool(said)
    if not said:
        assert "refused" in done.stdout
