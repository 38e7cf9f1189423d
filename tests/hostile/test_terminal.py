"""Names with commands to a terminal in them are shown, and not obeyed; tables hold no formula; links lead nowhere."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from ptyproof.cli.main import main
from ptyproof.console import Console, Plain, plain, printable
from ptyproof.errors import DesignError, InputError, RunError
from ptyproof.hub.index import Hub, refuse_links_out
from ptyproof.io.dataset import write_dataset
from ptyproof.io.regular import appended
from ptyproof.phases.g_compare.tables import csv_text
from ptyproof.report.page import write_report
from ptyproof.study import checks
from tests.helpers.hubs import ENVIRONMENT, REVISION
from tests.helpers.messages import naming
from tests.hostile.files import within
from tests.strategies.datasets import make_dataset

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\r\x7f\x00"
OBEYED = set("\x1b\x07\x9b\u202e\r\x7f\x00")


def test_no_command_to_a_terminal_is_left() -> None:
    assert not OBEYED & set(plain(ESCAPES)) | OBEYED & set(printable(ESCAPES))
    assert plain("two\nlines\tof ünïcode 実験 💥\n") == "two\nlines\tof ünïcode 実験 💥\n"
    assert json.loads(plain(json.dumps("\x7f\x9b\u202e", ensure_ascii=False))) == "\x7f\x9b\u202e"


def test_a_stream_and_a_console_pass_no_command_on() -> None:
    stream = io.StringIO()
    Plain(stream).write(f"a{ESCAPES}b\n")
    Plain(stream).writelines([ESCAPES[1:], "c"])
    Console(stream).say(ESCAPES)
    assert not OBEYED & set(stream.getvalue())
    bar = io.StringIO()
    Plain(bar).write("\r 50%|###   | 1/2\x1b[A")
    assert bar.getvalue() == "\r 50%|###   | 1/2\x1b[A"


def hostile_toml(folder: Path) -> list[str]:
    path = folder / "it.toml"
    path.write_text('"\\u001b[2J\\u009b31m" = 1\n', encoding="utf-8")
    return ["study", "show", str(path)]


def hostile_array(folder: Path) -> list[str]:
    path = folder / "it.npz"
    arrays = {"probeGuess": np.ones((4, 4), "c8"), "xcoords": np.zeros(1), "ycoords": np.zeros(1)}
    np.savez(path, **arrays, **{"a\x9b31m": np.zeros(1)})  # type: ignore[arg-type]
    return ["validate", str(path)]


def hostile_name(folder: Path) -> list[str]:
    path = folder / f"it{ESCAPES[:-1]}.npz"
    write_dataset(path, make_dataset())
    return ["validate", str(path)]


def hostile_manifest(folder: Path) -> list[str]:
    path = folder / "it.json"
    path.write_text(json.dumps({"kind": ESCAPES, ESCAPES: ESCAPES}, ensure_ascii=False), encoding="utf-8")
    return ["check", str(path)]


def hostile_hub(folder: Path) -> list[str]:
    (folder / "hub").mkdir()
    (folder / "hub" / "hub.json").write_text(json.dumps({"kind": "hub_index", ESCAPES: 1}), encoding="utf-8")
    (folder / "hub" / f"a{ESCAPES[:-1]}.json").write_text("{", encoding="utf-8")
    return ["hub", "verify", str(folder / "hub")]


@pytest.mark.parametrize("make", [hostile_toml, hostile_array, hostile_name, hostile_manifest, hostile_hub])
def test_no_command_of_ours_passes_one_on(tmp_path: Path, capfd: pytest.CaptureFixture[str], make: object) -> None:
    assert callable(make)
    main(make(tmp_path))
    shown = "".join(capfd.readouterr())
    assert shown
    assert not OBEYED & set(shown)


def test_a_log_in_a_hub_has_no_commands_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it.toml").write_text('"\\u001b[2J" = 1\n', encoding="utf-8")
    command = ["generate", "--base-npz", "builtin", "--study", "./it.toml", "--output-root", "c"]
    assert main([*command, "--artifact-hub", "hub"]) == 2
    for path in (tmp_path / "hub").rglob("*"):
        if path.is_file():
            assert b"\x1b" not in path.read_bytes(), path


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "a b", "a\x1b"])
def test_no_name_of_a_study_begins_a_formula(name: str) -> None:
    for key in ("name", "views.name"):
        with pytest.raises(DesignError, match=naming(key, repr(name))):
            checks.name(key, name)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", '=HYPERLINK("x")']
)
def test_a_cell_of_text_is_no_formula(text: str) -> None:
    written = csv_text([{"reason": text, "value": -1.5, "method": "-x"}], ("reason", "value", "method"))
    (row,) = csv.DictReader(io.StringIO(written))
    assert row["reason"] == (f"'{text}" if text.isprintable() else printable(text))
    assert (row["value"], row["method"]) == ("-1.5", "'-x")


def test_a_plain_cell_stays_as_it_is() -> None:
    written = csv_text([{"a": "failed: 3 - 1 = 2", "b": None, "c": 0.1}], ("a", "b", "c"))
    assert written == "a,b,c\nfailed: 3 - 1 = 2,,0.1\n"


@pytest.mark.parametrize(
    "name", ["cli", "docs", "real_run", "work", "red", "real_run/training_cli_real_run.log", "docs/figures"]
)
def test_a_link_out_of_a_hub_is_not_written_through(tmp_path: Path, name: str) -> None:
    root, victim = tmp_path / "hub", tmp_path / "victim"
    root.mkdir()
    link = root / name
    link.parent.mkdir(exist_ok=True)
    if name.endswith(".log"):
        victim.write_text("mine\n", encoding="utf-8")
    else:
        victim.mkdir()
    link.symlink_to(victim)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(InputError, match=naming(root, name)):
        Hub(root).open_run(["pytest"], "none", None, ENVIRONMENT, REVISION)
    with pytest.raises(InputError, match=naming(root, name)):
        write_report(root)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_links_inside_a_hub_and_of_somebody_s_own_are_no_matter(tmp_path: Path) -> None:
    root = tmp_path / "hub"
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "a.md").write_text("a", encoding="utf-8")
    (root / "docs" / "b.md").symlink_to("a.md")
    (root / "mine").symlink_to(tmp_path)
    refuse_links_out(root)
    (root / "docs" / "gone").symlink_to(os.devnull)
    with pytest.raises(InputError, match="docs/gone"):
        refuse_links_out(root)


@pytest.mark.parametrize("kind", ["link", "link to nothing", "pipe"])
def test_no_log_is_written_through_a_link(tmp_path: Path, kind: str) -> None:
    victim, path = tmp_path / "victim", tmp_path / "train.log"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(victim)
    if kind == "link":
        victim.write_text("mine\n", encoding="utf-8")
    with within(), pytest.raises(RunError, match=naming(path)), appended(path) as file:
        file.write("more\n")
    assert not victim.exists() or victim.read_text(encoding="utf-8") == "mine\n"
    with appended(tmp_path / "own.log") as file:
        file.write("a\n")
    with appended(tmp_path / "own.log") as file:
        file.write("b\n")
    assert (tmp_path / "own.log").read_bytes() == b"a\nb\n"
