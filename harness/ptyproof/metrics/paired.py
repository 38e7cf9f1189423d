"""The rule that says whether one method is ahead of another: paired differences over replicates of a study.

A replicate repeats a study with other random draws. Methods of one replicate see the same patterns, so their values are
compared in pairs, and what the draws do to both methods cancels. The rule is the same for every metric and table.

`n` signs agree by chance with the probability 2^(1-n): 1/2 for two replicates, 1/4 for three. One or two replicates
therefore decide nothing. From three on, agreement counts if the median also exceeds `least_relative`. This keeps out
differences that are certain but too small to matter, and noise below that size.

The bootstrap interval (Efron, 1979) of the median finds a method that is better in most replicates. If all signs agree,
the interval excludes zero in any case. So below `bootstrap_from` it would only repeat the signs, at a level that they
do not have: 2^(1-n) <= 1 - level first holds for n = 8 at 99 %. For normal differences of mean zero it excludes zero in
1 to 4 % of all cases (n = 8 to 30); an interval of 95 % would do so in up to 11 %.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, cast

from ptyproof.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ptyproof.metrics.definitions import MetricDefinition
    from ptyproof_schemas.types.common import PairedRule as PairedRuleRecord

Outcome = Literal["ahead", "level", "behind", "undecided"]
Reason = Literal[
    "no_pair",
    "value_missing",
    "too_few_replicates",
    "signs_agree",
    "signs_differ",
    "median_above",
    "median_within",
    "interval_excludes_zero",
    "interval_includes_zero",
]
RULE_VERSION = "1"
_DB_PER_FACTOR = 20.0  # a PSNR is a ratio of amplitudes in dB


@dataclass(frozen=True)
class PairedRule:
    """When a method is ahead of another.

    Parameters
    ----------
    least_replicates
        Fewer pairs decide nothing.
    least_relative
        The median relative difference must exceed this where all signs agree.
    bootstrap_from
        Fewer pairs have no bootstrap interval.
    level
        Of the bootstrap interval of the median.
    resamples, seed
        Of the bootstrap.
    """

    least_replicates: int = 3
    least_relative: float = 0.02
    bootstrap_from: int = 8
    level: float = 0.99
    resamples: int = 9999
    seed: int = 17
    version: str = RULE_VERSION

    def __post_init__(self) -> None:
        if self.least_replicates < 2:
            raise InputError(f"least_replicates must be 2 or more, got {self.least_replicates}")
        if not 0 <= self.least_relative < 1:
            raise InputError(f"least_relative must be in [0, 1), got {self.least_relative:g}")
        if not 0 < self.level < 1:
            raise InputError(f"level must be in (0, 1), got {self.level:g}")
        least = math.ceil(1 - math.log2(1 - self.level))
        if self.bootstrap_from < least:
            raise InputError(
                f"bootstrap_from must be {least} or more for the level {self.level:g}, got {self.bootstrap_from}"
            )

    def as_dict(self) -> PairedRuleRecord:
        """Return the rule as JSON values."""
        return cast("PairedRuleRecord", asdict(self))  # fields and keys have the same names


RULE = PairedRule()


@dataclass(frozen=True)
class Judged:
    """What the rule says of a method against another.

    Parameters
    ----------
    outcome
        Where the method stands.
    reasons
        Why, in the order in which the rule asks.
    n
        Replicates in which both have a value.
    relative
        Median relative difference, positive where the method is better; None without a pair.
    interval
        Bootstrap interval of that median; None where there are too few pairs.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    n: int
    relative: float | None = None
    interval: tuple[float, float] | None = None

    def is_behind_beyond(self, tolerance: float) -> bool:
        """Tell whether the method is behind by more than a relative tolerance.

        Where the rule is undecided, as for one replicate, the tolerance alone judges the median difference.
        """
        beyond = self.relative is not None and -self.relative > tolerance
        return beyond and self.outcome in ("behind", "undecided")


def relative_difference(value: float, other: float, definition: MetricDefinition) -> float:
    """Return by what part of the larger magnitude a value is better than another one; negative where it is worse.

    Exchanging the two changes the sign alone. Values in dB are compared as the ratio of amplitudes that they stand for.

    Raises
    ------
    InputError
        If a value is not finite.
    """
    if not (math.isfinite(value) and math.isfinite(other)):
        raise InputError(f"values of {definition.label} must be finite, got {value} and {other}")
    gain = other - value if definition.direction == "lower" else value - other
    if definition.unit == "dB":
        return math.copysign(1 - 10 ** (-abs(gain) / _DB_PER_FACTOR), gain)
    return 0.0 if gain == 0 else gain / max(abs(value), abs(other))


def judge(
    values: Sequence[float | None],
    others: Sequence[float | None],
    definition: MetricDefinition,
    rule: PairedRule = RULE,
) -> Judged:
    """Return whether a method is ahead of another, level with it, or behind.

    Parameters
    ----------
    values, others
        Of the two methods, in the same order of replicates; None where a method has no value.
    definition
        Of the metric: its direction and unit.
    rule
        The rule.

    Raises
    ------
    InputError
        If the methods have different numbers of replicates, or a value is not finite.
    """
    if len(values) != len(others):
        raise InputError(f"pairs need as many values of both methods, got {len(values)} and {len(others)}")
    both = list(zip(values, others, strict=True))
    found = sorted(relative_difference(a, b, definition) for a, b in both if a is not None and b is not None)
    if not found:
        return Judged("undecided", ("no_pair",), 0)
    n, middle = len(found), statistics.median(found)
    if any((a is None) != (b is None) for a, b in both):
        # a method that has no value where it failed is not ahead by the replicates in which it did not fail
        return Judged("undecided", ("value_missing",), n, middle)
    if n < rule.least_replicates:
        return Judged("undecided", ("too_few_replicates",), n, middle)
    agree = found[0] > 0 or found[-1] < 0
    above = abs(middle) > rule.least_relative
    reasons: list[Reason] = ["signs_agree" if agree else "signs_differ", "median_above" if above else "median_within"]
    interval = _interval(found, middle, rule) if n >= rule.bootstrap_from else None
    certain = interval is not None and (interval[0] > 0 or interval[1] < 0)
    if interval is not None:
        reasons.append("interval_excludes_zero" if certain else "interval_includes_zero")
    outcome: Outcome = "level"
    if (agree and above) or certain:
        outcome = "ahead" if middle > 0 else "behind"
    return Judged(outcome, tuple(reasons), n, middle, interval)


def _interval(found: Sequence[float], middle: float, rule: PairedRule) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the median of sorted differences.

    The draws depend on the rule and on n alone. They are applied to the differences with the sign that makes the median
    positive, so neither the order of the replicates nor that of the two methods changes what is found.
    """
    import numpy as np  # pages and checks import this module, and most of them have few replicates

    sign = -1.0 if middle < 0 else 1.0
    oriented = np.sort(sign * np.asarray(found))
    lower, upper = _middles(len(found), rule.resamples, rule.seed)
    medians = (oriented[lower] + oriented[upper]) / 2
    tail = (1 - rule.level) / 2
    low, high = (float(edge) for edge in np.quantile(medians, [tail, 1 - tail]))
    return (low, high) if sign > 0 else (-high, -low)


@lru_cache(maxsize=16)
def _middles(n: int, resamples: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return which of n sorted values are the two middle ones of each resample: twice (resamples,) int32."""
    import numpy as np

    drawn = np.random.default_rng(seed).integers(0, n, (resamples, n), dtype=np.int32)
    drawn.sort(axis=1)
    return drawn[:, (n - 1) // 2].copy(), drawn[:, n // 2].copy()
