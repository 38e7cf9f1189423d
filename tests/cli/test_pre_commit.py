"""The hook that other repositories use: its form, its command, and the files that it is handed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from ptyproof.cli import main
from ptyproof.cli.main import build_parser
from ptyproof.study import layout

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "tests" / "schemas" / "examples"


@pytest.fixture
def hook() -> dict[str, Any]:
    """The one hook of the project."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [found["id"] for found in hooks] == ["ptyproof-check"]
    return dict(hooks[0])


def test_the_hook_has_what_pre_commit_asks_for(hook: dict[str, Any]) -> None:
    assert {"id", "name", "entry", "language"} <= hook.keys()
    assert hook["language"] == "python"
    program, *arguments = shlex.split(hook["entry"])
    assert program == "ptyproof"
    assert build_parser().parse_args([*arguments, "a.json", "b.json"]).paths == ["a.json", "b.json"]


def test_the_hook_is_handed_manifests_and_nothing_else(hook: dict[str, Any]) -> None:
    pattern = re.compile(hook["files"])
    for name in (layout.RUN_MANIFEST, layout.OVERLAP_MANIFEST, layout.TRAINING_MANIFEST, layout.SKIP_SUMMARY):
        assert pattern.search(name)
        assert pattern.search(f"reports/2026/{name}")
    for name in ("package.json", "my_training_manifest.json", "training_manifest.json.bak", "skip_summary.jsonl"):
        assert not pattern.search(name)


def test_the_hook_fails_on_a_broken_manifest_alone(
    hook: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = shlex.split(hook["entry"])[1:]
    sound = tmp_path / "run_manifest.json"
    sound.write_bytes((EXAMPLES / "run_manifest" / "valid" / "one-of-three-doses.json").read_bytes())
    assert main([*arguments, str(sound)]) == 0
    sound.write_bytes(sound.read_bytes()[:-100])
    assert main([*arguments, str(sound)]) == 1
    assert "PM005" in capsys.readouterr().out
