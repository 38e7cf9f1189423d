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
    """

    def __init__(self, budget: Budget, epochs: int) -> None:
        self.losses: list[float] = []
        self.seconds: list[float] = []
        self.limit = budget.epochs or (epochs if budget.seconds is None else None)
        self._budget, self._began = budget, clock.seconds()

    def add(self, loss: float, obj: Callable[[], npt.NDArray[np.complexfloating]] | None = None) -> bool:
        """Add an epoch; return whether it was the last one that the budget allows.

        `obj` returns the object as it is now, (M, M') complex; None where a method does not show it.
        """
        self.losses.append(loss)
        self.seconds.append(clock.seconds() - self._began)
        self._budget.on_epoch(len(self.losses))
        if obj is not None:
            self._budget.on_object(len(self.losses), obj)
        return self.stopped_by is not None

    @property
    def share(self) -> float:
        """The largest share of a limit that is spent."""
        epochs = len(self.losses) / self.limit if self.limit else 0.0
        seconds = self._budget.seconds
        return max(epochs, (clock.seconds() - self._began) / seconds if seconds else 0.0)

    @property
    def stopped_by(self) -> Literal["epochs", "seconds"] | None:
        """Which limit is reached; None as long as none is."""
        if self.limit is not None and len(self.losses) >= self.limit:
            return "epochs"
        limit = self._budget.seconds
        return "seconds" if limit is not None and self.seconds and self.seconds[-1] >= limit else None
