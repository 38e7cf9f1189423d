"""`ptyproof new-method`: names that it refuses, and the commands of its page; tests/companions has a user's way."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ptyproof.cli.main import main
from ptyproof.errors import InputError
from ptyproof.new_method import write_package


@pytest.mark.parametrize("name", ["class 1", "1st", "lsqml/2", "", "class", "lsqml", "numpy", "json"])
def test_an_impossible_name_is_refused_and_nothing_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_package(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="mine"):
        write_package("mine", tmp_path)
    assert not list((tmp_path / "mine").iterdir())


def test_the_commands_of_its_page_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_package("mine", tmp_path)
    monkeypatch.chdir(tmp_path)
    page = (tmp_path / "mine" / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = [line.removeprefix("ptyproof ") for line in page.splitlines() if line.startswith("ptyproof ")]
    assert len(commands) == 4
    for words in map(shlex.split, commands):  # the package is not installed here, so another method stands for its own
        assert main(["map" if word == "mine" else word for word in words]) == 0, words
    assert "map" in (tmp_path / "a" / "comparison.md").read_text(encoding="utf-8")
