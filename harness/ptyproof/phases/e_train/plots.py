"""Pictures of evidence, drawn without a screen: Matplotlib's objects, no pyplot, so no state is left behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ptyproof.io.atomic import atomic_path


def loss_curve(path: Path, history: Sequence[dict[str, float]], title: str) -> None:
    """Draw training and validation loss and the learning rate over the epochs as a PNG.

    Parameters
    ----------
    path
        The PNG, written atomically.
    history
        A row per epoch: epoch, train_loss and, where there is one, validation_loss (nats per pixel), learning_rate.
    title
        What was trained.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(epochs, [row["train_loss"] for row in history], "o-", label="training positions")
    if "validation_loss" in history[0]:
        axes.plot(epochs, [row["validation_loss"] for row in history], "s--", label="validation positions")
    axes.set(title=title, xlabel="epoch", ylabel="Poisson loss of hidden\nphotons (nats per pixel)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    rate = axes.twinx()
    rate.plot(epochs, [row["learning_rate"] for row in history], ":", color="0.5", label="learning rate")
    rate.set_ylabel("learning rate at the epoch's end")
    rate.set_ylim(bottom=0)
    lines, labels = axes.get_legend_handles_labels()
    more, names = rate.get_legend_handles_labels()
    axes.legend(lines + more, labels + names, loc="upper right")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})
