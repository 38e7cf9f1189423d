"""What text in a hub must not say, and what it may."""

from __future__ import annotations

import platform
import tempfile
from pathlib import Path

import pytest

from ptyproof.provenance.redaction import Redaction, redaction


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Redaction:
    """A redaction of somebody with a home, a project in it, and a hub in that."""
    for name in ("home/ada/project/hub", "temporary"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "ada"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(name, "ada.lovelace")
    monkeypatch.setenv("UPLOAD_TOKEN", "s3cr3t-value")
    monkeypatch.setenv("GREETING", "good morning")
    monkeypatch.setattr(platform, "node", lambda: "analytical-engine.example.org")
    monkeypatch.chdir(tmp_path / "home" / "ada" / "project")
    return redaction(Path("hub"), Path.cwd())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{base}/home/ada/project/hub/x.log", "{{hub}}/x.log"),
        ("--artifact-hub={base}/home/ada/project/hub", "--artifact-hub={{hub}}"),
        ("rootdir: {base}/home/ada/project", "rootdir: {{root}}"),
        ("'{base}/home/ada/data/a.npz'", "'{{home}}/data/a.npz'"),
        ("{base}/temporary/pytest-of-ada.lovelace/0", "{{tmp}}/pytest-of-{{user}}/0"),
        ("cannot read /scratch/group7/ada/base.npz: gone", "cannot read {{elsewhere}}/base.npz: gone"),
        ("/scratch/group7/ada/", "{{elsewhere}}/"),
        ("by ada.lovelace on analytical-engine", "by {{user}} on {{host}}"),
        ("analytical-engine.example.org", "{{host}}"),
        ("curl -H 's3cr3t-value'", "curl -H '{{secret}}'"),
        ("good morning", "good morning"),
        ("/dev/null, /usr/lib/python3/x.py", "/dev/null, /usr/lib/python3/x.py"),
        ("0.1 nats/px, https://example.org/a/b, and/or/not, 3 /4", None),
        ("{base}/home/adam/x", "{{elsewhere}}/x"),
        ("../work/phase_c/dose_1000/patched_test.npz", None),
        ("", None),
    ],
)
def test_text_is_cleaned(clean: Redaction, tmp_path: Path, text: str, shown: str | None) -> None:
    given = text.format(base=tmp_path)
    cleaned = clean.clean(given)
    assert cleaned == (given if shown is None else shown.format())
    assert clean.clean(cleaned) == cleaned


def test_a_way_up_and_down_again_is_a_path_too(clean: Redaction, tmp_path: Path) -> None:
    (tmp_path / "home" / "ada" / "other").mkdir()
    there = Redaction(tmp_path / "home" / "ada" / "other", Path.cwd())
    assert there.clean("../other/test_it.py:3: AssertionError") == "{hub}/test_it.py:3: AssertionError"


def test_every_text_of_a_value_is_cleaned(clean: Redaction, tmp_path: Path) -> None:
    value = {"a": [f"{tmp_path}/home/ada/x", 3, None], "b": {"c": "ada.lovelace"}}
    assert clean.cleaned(value) == {"a": ["{home}/x", 3, None], "b": {"c": "{user}"}}


@pytest.mark.parametrize("name", ["root", "vm", "runner", "ab"])
def test_names_that_many_have_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    for variable in ("USER", "LOGNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(variable, name)
    monkeypatch.setattr(platform, "node", lambda: name)
    assert Redaction(tmp_path).clean(f"the {name} of it") == f"the {name} of it"
