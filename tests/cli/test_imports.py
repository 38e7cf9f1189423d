"""What commands import: reading a manifest loads no library of numbers, and a command no other command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ptyproof.cli.main import COMMANDS

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples"
MANIFEST = EXAMPLES / "training_manifest" / "valid" / "whole-dose.json"
HEAVY = {"numpy", "scipy", "torch", "lightning", "matplotlib", "tomlkit", "pytest", "tqdm", "jinja2"}
EXPLAINERS = {"jsonschema", "referencing"}
CODE = """
import sys
for name in WITHOUT:
    sys.modules[name] = None
from ptyproof.cli import main
try:
    status = main(sys.argv[1:])
except SystemExit as ended:
    status = ended.code
print(status, *sys.modules, file=sys.stderr)
"""


def loaded(*words: str, without: tuple[str, ...] = ()) -> tuple[int, set[str]]:
    """Return the exit status of a command in a fresh interpreter, and every module that was loaded at its end.

    `without` are modules that cannot be imported there.
    """
    code = CODE.replace("WITHOUT", repr(without))
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=os.environ | {"PYTHONSAFEPATH": "1"}, capture_output=True, text=True
    )
    status, *modules = done.stderr.splitlines()[-1].split()
    return int(status), set(modules)


@pytest.mark.parametrize("without", [(), ("jsonschema_rs",)])
def test_checking_loads_no_library(without: tuple[str, ...]) -> None:
    """With jsonschema-rs not even jsonschema, which is the judge where jsonschema-rs is not installed."""
    is_quick = not without and find_spec("jsonschema_rs") is not None
    for path in (MANIFEST, EXAMPLES / "legacy_training_manifest_e6" / "valid" / "bundles.json"):
        status, modules = loaded("check", str(path), without=without)
        assert status in {0, 1}
        assert modules & HEAVY == set(), path
        assert modules & EXPLAINERS == (set() if is_quick else EXPLAINERS), path


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


def test_only_what_writes_a_page_loads_its_templates(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
import ptyproof.api, pytest_ptyproof.plugin, ptyproof.report.summary
from ptyproof.report.page import write_report
print("jinja2" in sys.modules)
write_report(Path(sys.argv[1]))
print("jinja2" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\nTrue\n"


def test_all_commands_are_in_the_help() -> None:
    done = subprocess.run([sys.executable, "-m", "ptyproof", "--help"], capture_output=True, text=True, check=True)
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("    ") and line[4] != " "]
    assert listed == list(COMMANDS)
