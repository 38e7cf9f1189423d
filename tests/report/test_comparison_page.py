"""The page about comparisons: its example runs and prints what the page says, and it names every metric."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ptyproof.errors import InputError
from ptyproof.metrics.definitions import metric_definitions, of_comparison
from ptyproof.metrics.protocol import Recipe, one_protocol, protocol
from tests.helpers.messages import naming

PAGE = (Path(__file__).parents[2] / "docs" / "comparison.md").read_text(encoding="utf-8")


def test_the_example_prints_what_stands_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL) if "print(" in block]
    exec(compile(example, "docs/comparison.md", "exec"), {})
    expected = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)[0]
    assert capsys.readouterr().out == expected


def test_every_measure_is_described() -> None:
    described = re.findall(r"^\| `([^|]*)` \|", PAGE, flags=re.MULTILINE)
    names = {name for row in described for name in re.split("`, `", row)}
    patterns = [re.compile(re.escape(name).replace(r"\*", "[a-z]+") + "$") for name in names]
    recipe = Recipe()
    for metric in of_comparison(recipe):
        assert any(pattern.match(metric) for pattern in patterns), metric
    units = {definition.unit for definition in metric_definitions(recipe).values()}
    assert all(unit in PAGE for unit in units)


def test_the_refusal_is_the_real_one() -> None:
    rows = [protocol(Recipe(), "test", "true", "s"), protocol(Recipe(crop_fraction=0.1), "test", "estimated", "s")]
    with pytest.raises(InputError, match=naming("crop.illumination_at_least", "probe")) as raised:
        one_protocol(rows)
    assert str(raised.value) in PAGE
