"""Public docstrings state the shapes and dtypes of arrays, and the errors that a function raises."""

from __future__ import annotations

import textwrap

import pytest

from tests.architecture.docstrings import Project, project
from tests.architecture.rooms import sources

HEAD = '''
import numpy as np
import numpy.typing as npt
from torch import Tensor
Image = npt.NDArray[np.float64]
class PtyproofError(Exception):
    """Base."""
class InputError(PtyproofError):
    """Bad input."""
def told(a: Image) -> Image:
    """Return a (n, H, W)."""
'''
LIST = "Sum.\n\n    Parameters\n    ----------\n    "


def _faults(source: str) -> list[str]:
    return list(Project({"m": HEAD + textwrap.dedent(source)}).faults("m"))


@pytest.mark.parametrize("module", sorted(sources()))
def test_docstrings_are_complete(module: str) -> None:
    assert list(project().faults(module)) == []


def test_the_rules_apply_to_much() -> None:
    """A walker that finds no arrays would accept everything."""
    whole = project()
    nodes = [(module, name) for module in whole.trees for name in whole.with_arrays(module)]
    assert len(nodes) > 150
    assert ("ptyproof.physics.forward", "simulate_counts") in nodes
    assert ("ptyproof.training.canvas", "Canvas.cut") in nodes
    assert {"DataError", "ManifestError", "NotStrictJsonError", "TrainingDivergedError"} <= whole.errors


@pytest.mark.parametrize(
    "source",
    [
        'def f(a: Image) -> float:\n    """Return the sum of pixels."""',
        'def f(a: Image) -> float:\n    """Return the value at (row, col)."""',
        'def f(n: int) -> Image:\n    """Return pixels."""',
        "def f(a: Image) -> float:\n    return 1.0",
        'def f(a: Image, b: Image) -> float:\n    """Return the sum of a (H, W) and b."""',
        'def f(a: "list[Image]") -> float:\n    """Return the sum."""',
        'class C:\n    """Pixels."""\n    a: Image',
        'class C:\n    """Pixels (H, W)."""\n    def g(self, a: Image) -> float:\n        """Return it."""',
        'class C:\n    """Pixels."""\n    def __call__(self, a: Image) -> float:\n        """Return it."""',
        f'def f(a: Image, b: Image) -> float:\n    """{LIST}a\n        (H, W).\n    b\n        Too.\n    """',
        'def f(a: Tensor) -> float:\n    """Return the sum of (H, W)."""',
        'def f(a: npt.NDArray[Any]) -> float:\n    """Return the sum of (H, W)."""',
        'def f(a: Image) -> float:\n    """Return it as `unknown` does."""',
    ],
)
def test_a_missing_shape_or_dtype_is_found(source: str) -> None:
    assert len(_faults(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        'def f(a: Image) -> float:\n    """Return the sum of (H, W)."""',
        'def f(a: Image) -> float:\n    """Return the sum of (M, M\'), or (n_modes, <= block, 2 * h, ...)."""',
        'def f(a: Image) -> float:\n    """Return the sum of (n,)."""',
        'def f(a: Image, b: Image) -> float:\n    """Return the sum; arguments as `told`."""',
        f'def f(a: Image, b: Image) -> float:\n    """{LIST}a, b\n        (H, W).\n    """',
        'def f(a: Tensor) -> Tensor:\n    """Return () of real (H, W)."""',
        'class C:\n    """Two: (H, W) and (n,)."""\n    a: Image\n    b: Image\n    _c: Image',
        "def _f(a: Image) -> float:\n    return 1.0",
        'def f(a: int) -> float:\n    """Return it."""\n    b: Image = 1',
    ],
)
def test_a_complete_docstring_passes(source: str) -> None:
    assert _faults(source) == []


RAISES = '"""Do.\n\n    Raises\n    ------\n    InputError\n        Always.\n    """'


@pytest.mark.parametrize(
    ("doc", "body", "n_faults"),
    [
        ('"""Do."""', "raise InputError('no')", 1),
        ('"""Do; raises InputError."""', "raise InputError('no')", 1),
        ('"""Do."""', "if a:\n        raise m.InputError('no') from None", 1),
        ('"""Do."""', "try:\n        g()\n    except ValueError:\n        raise InputError('no')", 1),
        ('"""Do."""', "try:\n        raise InputError('no')\n    except ValueError:\n        g()", 1),
        ('"""Do."""', "try:\n        raise InputError('no')\n    except Exception:\n        g()", 0),
        ('"""Do."""', "raise ValueError('no')", 0),
        ('"""Do."""', "def g():\n        raise InputError('no')", 0),
        (RAISES, "raise InputError('no')", 0),
    ],
)
def test_an_error_needs_a_section(doc: str, body: str, n_faults: int) -> None:
    assert len(_faults(f"def f(a: int) -> None:\n    {doc}\n    {body}\n")) == n_faults
