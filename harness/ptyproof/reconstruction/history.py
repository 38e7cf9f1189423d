"""What an iterative method notes of its epochs, and when its budget ends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from ptyproof import clock
from ptyproof.reconstruction.method import Budget


class History:
    """Losses and times of epochs within a budget; the time begins when it is made.

    Parameters
    ----------
    budget
        What may be spent.
    epochs
        The limit where the budget has neither epochs nor seconds.
    share
        Of the epochs, that a method spends of itself; seconds are spent whole.
    """

    def __init__(self, budget: Budget, epochs: int, share: float = 1.0) -> None:
        self.losses: list[float] = []
        self.seconds: list[float] = []
        whole = budget.epochs or (epochs if budget.seconds is None else None)
        self.limit = None if whole is None else max(1, round(share * whole))
        self._is_whole = self.limit == whole
        self._budget, self._began = budget, clock.seconds()

    def add(self, loss: float, obj: Callable[[], npt.NDArray[np.complexfloating]] | None = None) -> bool:
        """Add an epoch; return whether it was the last one.

        `obj` returns the object as it is now, (M, M') complex; None where a method does not show it.
        """
        self.losses.append(loss)
        self.seconds.append(clock.seconds() - self._began)
        self._budget.on_epoch(len(self.losses))
        if obj is not None:
            self._budget.on_object(len(self.losses), obj)
        return self._is_at_its_limit or self.stopped_by is not None

    @property
    def spent(self) -> float:
        """The largest share of a limit that is spent."""
        epochs = len(self.losses) / self.limit if self.limit else 0.0
        seconds = self._budget.seconds
        return max(epochs, (clock.seconds() - self._began) / seconds if seconds else 0.0)

    @property
    def stopped_by(self) -> Literal["epochs", "seconds"] | None:
        """Which limit of the budget is reached; None as long as none is, and where a method spends a part of it."""
        if self._is_at_its_limit and self._is_whole:
            return "epochs"
        limit = self._budget.seconds
        return "seconds" if limit is not None and self.seconds and self.seconds[-1] >= limit else None

    @property
    def _is_at_its_limit(self) -> bool:
        return self.limit is not None and len(self.losses) >= self.limit
