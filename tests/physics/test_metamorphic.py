"""The metamorphic checks: every metric of ours passes them, and well-known wrong ones do not."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pytest
from skimage.metrics import structural_similarity

from ptyproof.errors import InputError
from ptyproof.metrics.against_truth import score
from ptyproof.metrics.definitions import metric_definitions, needs_truth
from ptyproof.metrics.protocol import Recipe
from ptyproof.physics.align import Aligned, Crop, align
from ptyproof.physics.metamorphic import make_scene, metamorphic_violations
from tests.helpers.messages import naming

SCENE = make_scene()
RECIPE = Recipe()
CROP = Crop((10, 118), (12, 132), np.ones((108, 120), dtype=bool))
# Shown beside other metrics, not to rank methods by: the error as it came has what an alignment removes; a single ring
# of chance decides the last crossing; a flat amplitude with a scale of its own is as good as one with noise.
_DIAGNOSTIC = ("_unaligned", "_last_nyquist", "_own_scale")
OURS = [metric for metric in metric_definitions(RECIPE) if needs_truth(metric) and not metric.endswith(_DIAGNOSTIC)]
PERFECT = {
    **dict.fromkeys(("rms", "fast", "mae", "mse", "nrmse"), 0.0),
    **{"ssim": 1.0, "nyquist": 1.0, "px": 2.0, "mean": 1.0},
}


@cache
def aligned(result: bytes, truth: bytes) -> Aligned:
    one, two = (np.frombuffer(image, dtype=np.complex128).reshape(SCENE.truth.shape) for image in (result, truth))
    return align(one, two, CROP)


@cache
def all_scores(result: bytes, truth: bytes) -> Any:
    return {found.metric: found for found in score(aligned(result, truth), RECIPE).metrics}


def ours(metric: str) -> Any:
    def value(result: npt.NDArray[Any], truth: npt.NDArray[Any]) -> Any:
        found = all_scores(result.tobytes(), truth.tobytes())[metric]
        if found.value is None and metric.endswith("_psnr") and np.array_equal(result, truth):
            return math.inf
        return found.value

    return value


@pytest.mark.parametrize("metric", OURS)
def test_every_measure_of_ours_passes(metric: str) -> None:
    definition = metric_definitions(RECIPE)[metric]
    kind = metric.rpartition("_")[2]
    power = {"amplitude_mae": 1, "amplitude_mse": 2}.get(metric, 0)
    perfect = PERFECT.get(kind)
    assert (
        metamorphic_violations(
            ours(metric), better=definition.direction, perfect=perfect, unit_power=power, scene=SCENE
        )
        == []
    )


def in_crop(result: npt.NDArray[Any], truth: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    found = aligned(result.tobytes(), truth.tobytes())
    return found.result, found.truth


def psnr_255(result: npt.NDArray[Any], truth: npt.NDArray[Any]) -> float:
    r, t = (np.abs(image) for image in in_crop(result, truth))
    return float(10 * np.log10(255**2 / max(np.mean((r - t) ** 2), 1e-30)))


def mean_matched_ssim(result: npt.NDArray[Any], truth: npt.NDArray[Any]) -> float | None:
    r, t = (np.abs(image) for image in in_crop(result, truth))
    if not r.any():
        return None
    return float(structural_similarity(r * t.mean() / r.mean(), t, data_range=255.0))


def planes_on_phases(result: npt.NDArray[Any], truth: npt.NDArray[Any]) -> float:
    """Phase error after a plane was fitted to each phase by itself: wraps are taken for structure."""

    def flattened(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        phase = np.angle(image[10:118, 12:132])
        rows, cols = np.indices(phase.shape)
        basis = np.stack([np.ones(phase.size), rows.ravel(), cols.ravel()], axis=1)
        return np.asarray(phase.ravel() - basis @ np.linalg.lstsq(basis, phase.ravel(), rcond=None)[0])

    return float(np.abs(flattened(result) - flattened(truth)).mean())


def without_registration(result: npt.NDArray[Any], truth: npt.NDArray[Any]) -> float:
    r, t = (image[10:118, 12:132] for image in (result, truth))
    return float(np.linalg.norm(np.vdot(r, t) / max(np.vdot(r, r).real, 1e-30) * r - t) / np.linalg.norm(t))


@pytest.mark.parametrize(
    ("metric", "better", "said"),
    [
        (psnr_255, "higher", r"(?<!\w)3 .* 74\.5\d* .* 6[45]\.\d+"),
        (mean_matched_ssim, "higher", r"(?<!\w)0\.99913\d*"),
        (planes_on_phases, "lower", r"result.* 2\.9 rad .* 0\.0558?\d* .* 3\.00"),
        (without_registration, "lower", r"0\.4 \S+ -1\.3 px (?!.*cycles).* 0\.0956?\d* .* 0\.18"),
        (lambda r, t: 1.0, "higher", r"(?<!\w)1 .*(?<!\w)5%.*(?<!\w)1 "),
        (lambda r, t: max(ours("phase_ssim")(r, t), 0.99), "higher", r"(?<!\w)0\.99\D.* 20%.* 0\.99$"),
        (lambda r, t: -ours("phase_mae")(r, t), "lower", r"-0\.0278?\d* .*(?<!\w)5%.* -0\.055\d* .* 10%"),
        (lambda r, t: math.nan, "lower", r"10%.*\bnan\b"),
        (lambda r, t: None, "lower", r"10%.*\bNone\b"),
        (
            lambda r, t: ours("phase_psnr")(r, t) if not np.array_equal(r, t) else 0.0,
            "higher",
            r"truth.*(?<![\w.])0\D.*(?<![\w.])1$",
        ),
        (lambda r, t: float(np.abs(np.abs(r) - np.abs(t)).mean()), "lower", r"result.* 3 .* 0\.038\d* .* 1\.35"),
    ],
)
def test_wrong_measures_are_caught(metric: Callable[..., Any], better: Literal["lower", "higher"], said: str) -> None:
    perfect = 1.0 if better == "higher" and metric is not psnr_255 else None
    found = metamorphic_violations(metric, better=better, perfect=perfect, scene=SCENE)
    assert any(re.search(said, sentence) for sentence in found), found


def test_the_value_of_a_perfect_result_is_checked() -> None:
    found = metamorphic_violations(ours("phase_mae"), better="lower", perfect=1.0, scene=SCENE)
    assert len(found) == 1
    assert re.search(r"(?<![\w.])1$", found[0])


def test_a_scene_is_the_same_twice() -> None:
    assert np.array_equal(make_scene((64, 70), 3).truth, make_scene((64, 70), 3).truth)


def test_unusable_arguments() -> None:
    with pytest.raises(InputError, match=naming("better", "'lower'", "'higher'", "'less'")):
        metamorphic_violations(lambda r, t: 0.0, better=cast("Any", "less"))
    with pytest.raises(InputError, match=naming("64 px", "(63, 80)")):
        make_scene((63, 80))
