"""`ptyproof new-method`: the names that it refuses; tests/companions goes the whole way of a new user."""

from __future__ import annotations

from pathlib import Path

import pytest

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
