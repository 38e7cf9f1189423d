"""Terminals that know ASCII alone: every command speaks, with escapes. And byte order marks, in TOML."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from ptyproof.cli.main import build_parser, main
from ptyproof.console import Console, Plain, encodable
from ptyproof.docs_sync.settings import load_settings
from ptyproof.errors import DataError
from ptyproof.io.dataset import write_dataset
from ptyproof.phases.base import make_base
from ptyproof.study.design import StudyDesign
from ptyproof.study.toml_form import load_study, study_to_toml

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii:strict"}
ODD = "probe_µ\N{GRINNING FACE}"


def commands() -> list[list[str]]:
    """Return the words of every command and sub-command."""
    found = []
    waiting: list[tuple[list[str], argparse.ArgumentParser]] = [([], build_parser())]
    while waiting:
        words, parser = waiting.pop()
        found.append(words)
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += [([*words, name], inner) for name, inner in action.choices.items()]
    return found


def run_here(*words: object) -> tuple[int, str]:
    """Run a command in this process, before a terminal that knows ASCII alone; return exit status and output."""
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict", write_through=True)
    with redirect_stdout(screen), redirect_stderr(screen):
        try:
            status = main([str(word) for word in words])
        except SystemExit as error:
            status = int(str(error.code))
    screen.seek(0)
    return status, screen.read()


def test_the_help_of_every_command_is_shown() -> None:
    listed = commands()
    assert len(listed) > 20
    for words in listed:
        status, said = run_here(*words, "--help")
        assert (status, said[:6]) == (0, "usage:"), words


@pytest.fixture
def folder(smoke: StudyDesign, tmp_path: Path) -> Path:
    """A folder with odd names, a base of an odd name in it, and a study with a comment."""
    root = tmp_path / ODD
    root.mkdir()
    write_dataset(root / f"{ODD}.npz", make_base(smoke))
    (root / "study.toml").write_text(f"# {ODD}\n{study_to_toml(smoke)}", encoding="utf-8-sig")
    return root


def test_commands_say_odd_names(folder: Path) -> None:
    base, study = folder / f"{ODD}.npz", folder / "study.toml"
    for words in (
        ("validate", base),
        (
            "generate",
            "--base-npz",
            base,
            "--output-root",
            folder / "c",
            "--study",
            folder / "study.toml",
            "--dose",
            1e3,
        ),
        ("overlap", "--phase-c-root", folder / "c", "--output-root", folder / "d"),
        ("check", folder),
        ("check", folder, "--format", "github"),
        ("check", folder, "--verbose", "--all"),
        ("study", "show", study),
        ("explain",),
        ("schema",),
    ):
        status, said = run_here(*words)
        assert status == 0, (words, said)
        assert said
    status, said = run_here("validate", folder / "nö.npz")
    assert (status, "n\\u00f6.npz" in said) == (2, True)


def test_json_stays_json(folder: Path) -> None:
    (folder / f"{ODD}.json").write_text('{"kind": "µ"}', encoding="utf-8")
    status, said = run_here("check", folder / f"{ODD}.json", "--format", "json")
    assert status in (0, 1, 2)
    assert ODD in json.dumps(json.loads(said), ensure_ascii=False)
    for kind in ("study_design", "training_manifest"):
        status, said = run_here("schema", kind)
        assert json.loads(said)["$id"].endswith(f"{kind}:1")


def test_processes_without_a_locale_say_odd_names(folder: Path) -> None:
    def run(*words: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "ptyproof", *map(str, words)]
        return subprocess.run(command, env=os.environ | ASCII, cwd=folder, capture_output=True, check=False)

    done = run("generate", "--base-npz", f"{ODD}.npz", "--output-root", "µ", "--study", "fly64-smoke", "--dose", "1000")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    done = run("check", "µ")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()


def test_a_console_and_a_stream_escape_what_the_terminal_does_not_have() -> None:
    for encoding, shown in (("ascii", "\\u00b5 \\ud83d\\ude00"), ("latin-1", "µ \\ud83d\\ude00"), ("utf-8", "µ 😀")):
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", write_through=True)
        Console(stream).say("µ 😀")
        Plain(stream).write("\rµ 😀")
        assert raw.getvalue().decode(encoding) == f"{shown}\n\r{shown}"
    assert encodable("b\udcff", "utf-8") == "b\\udcff"
    assert encodable("µ", None) == "µ"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_study_may_begin_with_a_byte_order_mark(smoke: StudyDesign, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(study_to_toml(smoke), encoding=encoding)
    assert load_study(str(path)) == smoke


def test_a_study_of_another_encoding_is_refused(smoke: StudyDesign, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    for encoding in ("utf-16", "utf-16-be", "utf-32"):
        path.write_text(study_to_toml(smoke), encoding=encoding)
        with pytest.raises(DataError, match=r"study\.toml"):
            load_study(str(path))


def test_a_file_of_settings_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    text = '[tool.ptyproof.docs]\nledger = "plan.md"\n'
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8-sig")
    assert load_settings(tmp_path).ledger == "plan.md"
