"""Hostile files: no exception, no hang, nothing read outside the manifest's folder."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest
from ptyproof.checking import judge as run
from ptyproof.cli import main
from ptyproof.io.schema_files import kinds, load_schema
from tests.fuzz.manifests import check, corpus, fuzz, random_input
from tests.helpers.messages import numbers
from tests.helpers.schema_rules import example

N = 1_000_000
HOSTILE = {
    "nested lists": b"[" * N + b"]" * N,
    "open lists": b"[" * N,
    "open objects": b'{"a":' * (N // 5),
    "huge whole number": b'{"kind": "study_design", "seed": ' + b"9" * N + b"}",
    "huge exponent": b"[1e" + b"9" * N + b"]",
    "one text": b'{"kind": "' + b"a" * N + b'"}',
    "one key": b'{"' + b"a" * N + b'": 1}',
    "many keys": b"{" + b",".join(b'"%d":0' % number for number in range(N // 10)) + b"}",
    "many jobs that are none": b'{"kind": "training_manifest", "jobs": [' + b"0," * (N // 10) + b"0]}",
    "many jobs without anything": b'{"kind": "training_manifest", "jobs": [' + b"{}," * (N // 5) + b"{}]}",
    "half pairs": b'{"kind": "training_manifest", "a": "' + b"\\ud800" * 1000 + b'"}',
    "zeros": bytes(N),
}
LONG = (
    "a" * 50_000,
    "." * 50_000,
    "-" * 50_000,
    "/" * 50_000,
    "0" * 50_000,
    "1-" * 25_000,
    "a.b-" * 12_000,
    "()" * 9000,
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_content_is_judged_in_seconds(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "training_manifest.json"
    path.write_bytes(HOSTILE[name])
    begun = time.process_time()
    findings = check_manifest(path).findings
    assert time.process_time() - begun < 10
    assert findings
    assert len(findings) < 1000
    assert main(["check", str(path)]) in (1, 2)
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert len(shown.out) < 200_000


def _patterns() -> Iterator[str]:
    for kind, major in kinds():
        waiting: list[Any] = [load_schema(kind, major)]
        while waiting:
            here = waiting.pop()
            if isinstance(here, dict):
                if isinstance(here.get("pattern"), str):
                    yield here["pattern"]
                waiting.extend(here.values())
            elif isinstance(here, list):
                waiting.extend(here)


@pytest.mark.parametrize("pattern", sorted(set(_patterns())))
def test_no_pattern_of_a_schema_explodes(pattern: str) -> None:
    compiled = re.compile(pattern)
    begun = time.process_time()
    for text in LONG:
        for end in ("", "\n", "!", "\x00"):
            compiled.search(text + end)
            compiled.search(f"dose1000-{text}{end}")
            compiled.search(f"2026-01-01T{text}{end}")
    assert time.process_time() - begun < 2


TRICKS = (
    *("../secret.txt", "a/../../secret.txt", "./../secret.txt", "link.txt", "folder/secret.txt", "..//secret.txt"),
    *("{root}/secret.txt", "file://{root}/secret.txt", "~/secret.txt", "..\\secret.txt", "../secret.txt\x00.npz"),
    *(
        "folder/../../secret.txt",
        "a/" * 1500 + "x",
        "\n../secret.txt",
        "%2e%2e/secret.txt",
        "dangling.txt",
        "loop",
        "fifo",
    ),
)
# An audit hook sees every file that Python opens, whoever opens it.
WATCH = """\
import sys
from pathlib import Path
from ptyproof.checking import check_manifest
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
for path in sys.argv[2:]:
    for finding in check_manifest(path).findings:
        str(finding)
print(*(name for name in opened if "secret" in name or Path(name).name == "fifo"), sep="\\n")
"""


def _with_paths(value: Any, path: str) -> Any:
    """Return a manifest that names one path wherever it names any."""
    if isinstance(value, dict):
        return {
            key: path
            if isinstance(inner, str) and key.endswith(("path", "_dir", "_root"))
            else _with_paths(inner, path)
            for key, inner in value.items()
        }
    return [_with_paths(inner, path) for inner in value] if isinstance(value, list) else value


def test_nothing_is_read_outside_the_folder(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "secret.txt").write_text("secret")
    study = root / "study"
    study.mkdir()
    (study / "link.txt").symlink_to("../secret.txt")
    (study / "folder").symlink_to("..", target_is_directory=True)
    (study / "dangling.txt").symlink_to("../secret-that-is-not-there.txt")
    (study / "loop").symlink_to("loop")
    os.mkfifo(study / "fifo")
    files = []
    for kind, name in (
        ("training_manifest", "whole-dose.json"),
        ("run_manifest", "one-of-three-doses.json"),
        ("overlap_manifest", "accepted-spacing.json"),
        ("hub_index", "green-answers-red.json"),
        ("skip_summary", "rejected.json"),
        ("legacy_training_manifest_e6", "bundles.json"),
        ("legacy_reconstruction_manifest_f2", "missing-jobs.json"),
    ):
        for number, trick in enumerate(TRICKS):
            files.append(study / f"{kind}-{number}.json")
            files[-1].write_text(json.dumps(_with_paths(example(kind, name), trick.format(root=root))))
    command = [sys.executable, "-c", WATCH, "", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")
    codes = {finding.code for file in files for finding in check_manifest(file).findings}
    assert {"PM301", "PM305", "PM401", "PM402", "PM405"} <= codes


def test_a_file_name_with_a_line_break_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new\nline\x1b[31m\u202e.json"
    path.write_text("{}")
    for form in ("text", "github", "json"):
        assert main(["check", "--format", form, str(path)]) == 1
        out = capsys.readouterr().out
        assert "new\nline" not in out
        assert "\x1b" not in out


def test_random_input_upsets_nothing(tmp_path: Path) -> None:
    n, slowest, _ = fuzz(2, 7, tmp_path)
    assert n > 20
    assert slowest < 5


def test_the_fuzzer_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def upset(_: object) -> None:
        raise KeyError("dose")

    monkeypatch.setattr("ptyproof.checking.judge.recognise", upset)
    with pytest.raises(KeyError):
        check(corpus()[0], tmp_path)


def test_random_input_is_random_and_reproducible() -> None:
    examples = corpus()
    one, two = ([random_input(examples, rng) for _ in range(20)] for rng in (random.Random(1), random.Random(1)))
    assert one == two
    assert len(set(one)) > 15


def test_links_that_lead_in_a_circle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "loop.json").symlink_to("loop.json")
    (tmp_path / "folder").symlink_to(".", target_is_directory=True)
    (tmp_path / "run_manifest.json").write_text(json.dumps(example("run_manifest", "one-of-three-doses.json")))
    assert main(["check", str(tmp_path / "loop.json")]) == 2
    assert "PM001" in capsys.readouterr().out
    assert main(["check", str(tmp_path)]) == 0
    assert numbers(capsys.readouterr().out.splitlines()[-1])[0] == 1


def test_a_check_that_a_broken_value_upsets_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upset(_: object) -> list[object]:
        raise TypeError("unhashable")

    monkeypatch.setattr(run, "UPSETTING", (TypeError,))
    monkeypatch.setattr(run, "checks_of", lambda _: [upset])
    value = example("run_manifest", "one-of-three-doses.json")
    with pytest.raises(TypeError):  # of a sound file it is a fault of the check
        run.check_value(value)
    found = run.check_value(value | {"colour": "red"}).findings
    assert [finding.code for finding in found] == ["PM101"]


def test_a_root_that_the_file_is_not_in(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "hub.json").write_text("{}")
    path = tmp_path / "run_manifest.json"
    path.write_text(json.dumps(example("run_manifest", "one-of-three-doses.json")))
    assert check_manifest(path, home=tmp_path / "hub").findings == ()
