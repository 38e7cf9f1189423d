"""The picture of a training: losses and learning rate over its epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ptyproof.phases.figures import BLUE, FONT_PT, ORANGE, Drawing, png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_training(history: Sequence[Mapping[str, float]], bundle_epoch: int) -> Drawing:
    """Draw the losses of a training over its epochs, and below them the learning rate.

    Parameters
    ----------
    history
        A row per epoch: epoch, train_loss and, where there is one, validation_loss (nats per pixel), learning_rate.
    bundle_epoch
        Epoch of the weights in the bundle.
    """
    epochs = [row["epoch"] for row in history]
    series = {"training": ([row["train_loss"] for row in history], "o-", BLUE)}
    if "validation_loss" in history[0]:
        series["validation"] = ([row["validation_loss"] for row in history], "s--", ORANGE)
    rates = [row["learning_rate"] for row in history]

    def fill(figure: Figure) -> None:
        from matplotlib.ticker import MaxNLocator

        losses, rate = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        for name, (values, style, color) in series.items():
            losses.plot(epochs, values, style, color=color, markersize=4, label=f"{name} positions")
        losses.axvline(bundle_epoch, color="0.4", linestyle=":", label=f"bundle: epoch {bundle_epoch}")
        losses.set_ylabel("Poisson loss of thinned\ncounts (nats per pixel)")
        losses.legend(fontsize=FONT_PT - 1)
        rate.plot(epochs, rates, "o-", color="0.25", markersize=4)
        rate.set(xlabel="epoch", ylabel="learning\nrate", ylim=(0, None))
        rate.xaxis.set_major_locator(MaxNLocator(integer=True))
        for axes in (losses, rate):
            axes.grid(alpha=0.3)

    parts = [
        f"{name} loss {values[0]:.4g} nats per pixel after the first epoch, {values[-1]:.4g} after the last, "
        f"smallest {min(values):.4g} after epoch {epochs[int(np.argmin(values))]:.0f}"
        for name, (values, _, _) in series.items()
    ]
    alt = f"{len(history)} epochs: {'; '.join(parts)}; learning rate from {rates[0]:.3g} to {rates[-1]:.3g}."
    caption = (
        "Loss and learning rate. The loss is the Poisson loss above its smallest possible value, averaged over each "
        "epoch, in nats per pixel. It is of the photons that binomial thinning withholds from the network. Lower is "
        "better. The learning rate is the one at the end of the epoch."
    )
    return Drawing(png(4.6, fill), caption, alt)
