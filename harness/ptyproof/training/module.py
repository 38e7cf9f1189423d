"""The training itself: what a step computes, as a LightningModule."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor

from ptyproof.errors import RunError
from ptyproof.study.training import TrainingDesign
from ptyproof.training.engine import pl
from ptyproof.training.forward import expected_counts, merge_groups, poisson_loss
from ptyproof.training.network import PatchNetwork

CHECKPOINT_KEY = "ptyproof"
_WARM_UP = 0.05
_FINAL_RATE = 0.01  # of the peak


class TrainingDivergedError(RunError):
    """The loss is no finite number any more."""


class PatchTraining(pl.LightningModule):
    """Unsupervised training of a `PatchNetwork` by the likelihood of the measured counts.

    `best` holds epoch, loss and weights of the epoch with the smallest validation loss, or of the last one where
    nothing is held back: with few positions a network learns them by heart, and later epochs are worse.
    `history` has a row for each finished epoch: epoch and step (from 1), train_loss and validation_loss (nats per
    pixel), and the learning rate it ended with.

    Parameters
    ----------
    design
        Budget, optimiser and network.
    recipe_sha256
        Digest of all that decides the result; it travels in the checkpoint, so that only the same training resumes.
    """

    def __init__(self, design: TrainingDesign, recipe_sha256: str) -> None:
        super().__init__()
        self.design = design
        self.recipe_sha256 = recipe_sha256
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Any] = {}
        self.network = PatchNetwork(design.network)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the Poisson loss of a batch in nats per pixel; groups of several patterns are merged first."""
        amplitude, probes = batch["amplitude"], batch["probes"]
        patches = self.network(amplitude.flatten(0, 1), probes.flatten(0, 1)).view_as(probes)
        if not torch.isfinite(torch.view_as_real(patches)).all():
            return torch.full((), math.nan, device=patches.device)  # what merging would stumble over
        if probes.shape[1] > 1:
            patches = merge_groups(patches, probes.abs().square(), batch["corners_px"])
        return poisson_loss(expected_counts(probes, patches), amplitude.square(), self.design.rate_floor)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a step; stops the job where it is not finite."""
        loss = self._finite_loss(batch, f"step {batch_idx + 1}")
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=1)
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Record the loss of a validation batch; stops the job where it is not finite."""
        self.log("validation_loss", self._finite_loss(batch, "validation"), batch_size=1)

    def on_train_epoch_end(self) -> None:
        """Add the epoch to the history, which travels in the checkpoint: a resumed training has all of it."""
        optimizer = cast("torch.optim.Optimizer", self.optimizers())
        losses = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
        rate = float(optimizer.param_groups[0]["lr"])
        place = {"epoch": self.current_epoch + 1, "step": self.global_step}
        self.history.append(place | losses | {"learning_rate": rate})
        held = losses.get("validation_loss", -math.inf)  # every epoch is the best so far where nothing tells
        if not self.best or held <= self.best["loss"]:
            weights = {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}
            self.best = {"epoch": self.current_epoch + 1, "loss": held, "weights": weights}

    def configure_optimizers(self) -> Any:
        """Return AdamW with a short linear rise and a cosine fall of the learning rate, step by step."""
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=self.design.learning_rate, weight_decay=self.design.weight_decay
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._relative_rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say in the checkpoint which training it belongs to."""
        checkpoint[CHECKPOINT_KEY] = {
            "recipe_sha256": self.recipe_sha256,
            "history": self.history,
            "best": self.best,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up history and best weights of the epochs behind the checkpoint."""
        self.history = list(checkpoint[CHECKPOINT_KEY]["history"])
        self.best = checkpoint[CHECKPOINT_KEY]["best"]

    def _finite_loss(self, batch: dict[str, Tensor], where: str) -> Tensor:
        loss = self.loss(batch)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingDivergedError(
                f"the loss became {value} in epoch {self.current_epoch + 1}, {where}; "
                f"a smaller learning_rate than {self.design.learning_rate:g} may help"
            )
        return loss

    def _relative_rate(self, step: int) -> float:
        total = self.design.max_epochs * self.design.steps_per_epoch
        rise = max(1, round(_WARM_UP * total))
        if step < rise:
            return (step + 1) / rise
        done = min(1.0, (step - rise) / max(1, total - rise))
        return _FINAL_RATE + (1 - _FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * done))
