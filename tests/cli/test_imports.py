"""What commands import: reading a manifest loads no library of numbers, and a command no other command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ptyproof.cli.main import COMMANDS

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples"
MANIFEST = EXAMPLES / "training_manifest" / "valid" / "whole-dose.json"
HEAVY = {"numpy", "scipy", "torch", "lightning", "matplotlib", "jsonschema", "referencing", "tomlkit", "pytest", "tqdm"}
CODE = """
import sys
from ptyproof.cli import main
try:
    status = main(sys.argv[1:])
except SystemExit as ended:
    status = ended.code
print(status, *sys.modules, file=sys.stderr)
"""


def loaded(*words: str) -> tuple[int, set[str]]:
    """Return the exit status of a command in a fresh interpreter, and every module that was loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words], env=os.environ | {"PYTHONSAFEPATH": "1"}, capture_output=True, text=True
    )
    status, *modules = done.stderr.splitlines()[-1].split()
    return int(status), set(modules)


def test_checking_loads_no_library() -> None:
    for path in (MANIFEST, EXAMPLES / "legacy_training_manifest_e6" / "valid" / "bundles.json"):
        status, modules = loaded("check", str(path))
        assert status in {0, 1}
        assert modules & HEAVY == set(), path


def test_a_broken_manifest_loads_jsonschema_and_no_numbers(tmp_path: Path) -> None:
    broken = json.loads(MANIFEST.read_text(encoding="utf-8"))
    del broken["jobs"][0]["dose"]
    (tmp_path / "training_manifest.json").write_text(json.dumps(broken), encoding="utf-8")
    status, modules = loaded("check", str(tmp_path / "training_manifest.json"))
    assert status == 1
    assert modules & {"numpy", "scipy", "torch"} == set()


@pytest.mark.parametrize("words", [("explain", "PM401"), ("schema",), ("study", "--help"), ("hub", "--help")])
def test_a_command_loads_no_other(words: tuple[str, ...]) -> None:
    status, modules = loaded(*words)
    assert status == 0
    others = {f"ptyproof.cli.{module}" for command, module in COMMANDS.items() if command != words[0]}
    assert modules & (others | {"numpy", "scipy", "torch"}) == set()


def test_all_commands_are_in_the_help() -> None:
    done = subprocess.run([sys.executable, "-m", "ptyproof", "--help"], capture_output=True, text=True, check=True)
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("    ") and line[4] != " "]
    assert listed == list(COMMANDS)
