"""The rule of ahead, level and behind: cases that are known, and what holds for any values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.errors import InputError
from ptyproof.metrics.definitions import MetricDefinition
from ptyproof.metrics.paired import RULE, Outcome, PairedRule, Reason, judge, relative_difference

LOWER = MetricDefinition("complex NRMSE", "1", "lower")
HIGHER = MetricDefinition("phase SSIM", "1", "higher")
DECIBEL = MetricDefinition("phase PSNR", "dB", "higher")
OPPOSITE = {"ahead": "behind", "behind": "ahead", "level": "level", "undecided": "undecided"}

positive = st.floats(1e-6, 1e6)
pairs = st.lists(st.tuples(positive, positive), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("value", "other", "definition", "wanted"),
    [
        (0.75, 1.0, LOWER, 0.25),
        (1.0, 0.75, LOWER, -0.25),
        (1.0, 0.75, HIGHER, 0.25),
        (0.0, 0.0, LOWER, 0.0),
        (0.0, 0.1, LOWER, 1.0),
        (-0.5, 0.5, HIGHER, -2.0),  # a structural similarity may be negative
        (20 * math.log10(4), 20 * math.log10(3), DECIBEL, 0.25),  # errors of 3 and 4
        (20 * math.log10(3), 20 * math.log10(4), DECIBEL, -0.25),
    ],
)
def test_a_relative_difference_is_a_part_of_the_larger_magnitude(
    value: float, other: float, definition: MetricDefinition, wanted: float
) -> None:
    assert relative_difference(value, other, definition) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "others", "outcome", "reasons"),
    [
        ([], [], "undecided", ("no_pair",)),
        ([0.1], [0.9], "undecided", ("too_few_replicates",)),
        ([0.1, 0.1], [0.9, 0.9], "undecided", ("too_few_replicates",)),
        ([0.1, 0.1, 0.1], [0.9, 0.9, 0.9], "ahead", ("signs_agree", "median_above")),
        ([0.9, 0.9, 0.9], [0.1, 0.1, 0.1], "behind", ("signs_agree", "median_above")),
        ([0.97, 0.97, 0.999], [1.0, 1.0, 1.0], "ahead", ("signs_agree", "median_above")),
        ([0.979, 0.9801, 0.9801], [1.0, 1.0, 1.0], "level", ("signs_agree", "median_within")),
        ([0.5, 0.5, 1.001], [1.0, 1.0, 1.0], "level", ("signs_differ", "median_above")),
        ([0.5, 0.5, 1.0], [1.0, 1.0, 1.0], "level", ("signs_differ", "median_above")),  # equal is not better
        ([0.1, 0.1, 0.1], [0.1, 0.1, 0.1], "level", ("signs_differ", "median_within")),
        ([0.1, 0.1, 0.1, None], [0.9, 0.9, 0.9, 0.9], "undecided", ("value_missing",)),
        ([0.1, 0.1, 0.1, None], [0.9, 0.9, 0.9, None], "ahead", ("signs_agree", "median_above")),
        ([None, None, None], [0.9, 0.9, 0.9], "undecided", ("no_pair",)),
    ],
)
def test_known_cases(
    values: list[float | None], others: list[float | None], outcome: Outcome, reasons: tuple[Reason, ...]
) -> None:
    found = judge(values, others, LOWER)
    assert (found.outcome, found.reasons, found.interval) == (outcome, reasons, None)
    assert found.n == sum(a is not None and b is not None for a, b in zip(values, others, strict=True))


def test_a_small_lead_in_most_of_many_replicates_is_a_lead_by_the_interval() -> None:
    values = [0.99] * 11 + [1.001]
    found = judge(values, [1.0] * 12, LOWER)
    assert (found.outcome, found.reasons[-1]) == ("ahead", "interval_excludes_zero")
    assert found.interval is not None
    assert found.interval == pytest.approx((0.01, 0.01))


def test_a_lead_in_half_of_many_replicates_is_no_lead() -> None:
    found = judge([0.5, 1.0] * 6, [1.0, 0.5] * 6, LOWER)
    assert (found.outcome, found.relative) == ("level", 0.0)
    assert found.reasons == ("signs_differ", "median_within", "interval_includes_zero")


def test_the_interval_is_the_bootstrap_of_the_median() -> None:
    """Another implementation, draw by draw, with draws of its own."""
    rng = np.random.default_rng(5)
    gains = rng.normal(0.03, 0.02, 15)
    medians = [np.median(rng.choice(gains, gains.size)) for _ in range(4000)]
    found = judge(list(1 - gains), [1.0] * gains.size, LOWER)
    assert found.interval == pytest.approx(tuple(np.quantile(medians, [0.005, 0.995])), abs=0.004)


def test_the_interval_seldom_excludes_the_truth() -> None:
    """For differences of mean zero the rule finds a lead in 1 to 4 % of all cases, as its module says."""
    rng = np.random.default_rng(6)
    few = PairedRule(resamples=499)
    rows = 1 - rng.normal(0, 0.1, (250, 8))
    outcomes = [judge(row.tolist(), [1.0] * 8, LOWER, few).outcome for row in rows]
    assert sum(outcome != "level" for outcome in outcomes) <= 0.06 * len(rows)


@pytest.mark.parametrize("n", [RULE.bootstrap_from - 1, RULE.bootstrap_from])
def test_the_interval_needs_replicates(n: int) -> None:
    assert (judge([0.5] * n, [1.0] * n, LOWER).interval is None) == (n < RULE.bootstrap_from)


@given(pairs)
def test_two_methods_exchanged_have_the_opposite_outcome(found: Sequence[tuple[float, float]]) -> None:
    values, others = zip(*found, strict=True)
    one, two = judge(values, others, LOWER, _FEW), judge(others, values, LOWER, _FEW)
    assert (one.outcome, one.reasons, one.n) == (OPPOSITE[two.outcome], two.reasons, two.n)
    assert one.relative == -two.relative if two.relative else one.relative == 0
    assert one.interval == (None if two.interval is None else (-two.interval[1], -two.interval[0]))


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_replicates_does_not_matter(found: list[tuple[float, float]], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    (one, two), (three, four) = zip(*found, strict=True), zip(*shuffled, strict=True)
    assert judge(one, two, LOWER, _FEW) == judge(three, four, LOWER, _FEW)


@given(pairs)
def test_the_direction_turns_the_outcome(found: Sequence[tuple[float, float]]) -> None:
    values, others = zip(*found, strict=True)
    assert judge(values, others, HIGHER, _FEW) == judge(others, values, LOWER, _FEW)


@given(pairs, st.sampled_from([2.0**k for k in (-10, -1, 3, 20)]))
def test_the_unit_does_not_matter(found: Sequence[tuple[float, float]], factor: float) -> None:
    values, others = zip(*found, strict=True)
    scaled = [factor * value for value in values], [factor * value for value in others]
    assert judge(values, others, LOWER, _FEW) == judge(*scaled, LOWER, _FEW)


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=RULE.least_replicates - 1))
def test_one_or_two_replicates_decide_nothing(found: Sequence[tuple[float, float]]) -> None:
    values, others = zip(*found, strict=True)
    assert judge(values, others, LOWER).outcome == "undecided"


@given(pairs)
def test_a_lead_is_in_the_direction_of_most_replicates(found: Sequence[tuple[float, float]]) -> None:
    values, others = zip(*found, strict=True)
    judged = judge(values, others, LOWER, _FEW)
    better = sum(a < b for a, b in found)
    if judged.outcome == "ahead":
        assert 2 * better >= len(found)
    if judged.outcome == "behind":
        assert 2 * better <= len(found)


@pytest.mark.parametrize(
    ("values", "others"), [([0.1], [0.1, 0.2]), ([math.nan] * 3, [0.1] * 3), ([0.1] * 3, [math.inf] * 3)]
)
def test_impossible_values_are_refused(values: list[float | None], others: list[float | None]) -> None:
    with pytest.raises(InputError):
        judge(values, others, LOWER)


@pytest.mark.parametrize(
    "changes",
    [
        {"least_replicates": 1},
        {"least_relative": 1.0},
        {"level": 1.0},
        {"bootstrap_from": 7},  # seven signs agree by chance in 1.6 % of all cases
        {"level": 0.95, "bootstrap_from": 5},
    ],
)
def test_a_rule_that_promises_too_much_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InputError):
        PairedRule(**changes)  # type: ignore[arg-type]


_FEW = PairedRule(resamples=99)
