"""Methods of users join the registry, or are refused."""

from __future__ import annotations

import pytest

from ptyproof.errors import InputError
from ptyproof.methods.registry import OURS, SHIPPED, registry
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import design_from_dict
from tests.helpers.messages import naming
from tests.helpers.reconstruction_runs import (
    MINE,
    Mine,
    ones,
)


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        (Mine("Mine", ones), naming("mine 1.0", 1, 64, "'Mine'")),
        (Mine("../x", ones), naming(1, 64, "'../x'")),
        (Mine("lsqml", ones), naming("lsqml", "pytest-ptyproof", "mine 1.0")),
        (object(), naming("name", "needs")),
        (Mine("mine", ones, needs=None), naming("name", "needs")),
    ],
)
def test_a_method_that_cannot_be_registered_is_refused(method: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        registry(builtin_study("fly64"), [(method, MINE)])


def test_a_study_that_names_an_unknown_method_is_refused_and_guests_join() -> None:
    table = builtin_study("fly64").as_dict()
    table["reconstruction"]["methods"] = [{"name": "flat"}, {"name": "mine", "epochs": 7}]
    design = design_from_dict(table)
    with pytest.raises(InputError, match="method 'mine'"):
        registry(design)
    known = registry(design, [(Mine("mine", ones), MINE), (Mine("more", ones), MINE)])
    assert known.order == ("flat", "mine", "more")
    assert set(known.methods) == {*SHIPPED, "mine", "more"}
    assert known["flat"].provider == OURS
