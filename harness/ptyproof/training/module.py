"""The training itself: what a step computes, as a LightningModule."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor

from ptyproof.errors import RunError
from ptyproof.study.training import TrainingDesign
from ptyproof.training.canvas import Canvas
from ptyproof.training.engine import pl
from ptyproof.training.network import GroupNetwork
from ptyproof.training.projection import Patterns, start_estimate
from ptyproof.training.scan import Margins
from ptyproof.training.told_batch import ToldBatch

CHECKPOINT_KEY = "ptyproof"
_WARM_UP = 0.05
_FINAL_RATE = 0.01  # of the peak
_EARLIER_STAGES = 0.3  # weight of their losses beside that of the last


class TrainingDivergedError(RunError):
    """The loss is no finite number any more."""


class PatchTraining(pl.LightningModule):
    """Unsupervised training of a `GroupNetwork` by the likelihood of counts that it was not shown.

    Each photon of a pattern is shown to the network with the probability `design.shown_fraction`. Of Poisson counts the
    shown and the hidden ones are independent, so noise that is learned by heart does not pay: what pays is the
    intensity behind it.


    `best` holds epoch, loss and weights of the epoch with the smallest validation loss, or of the last one where
    nothing is held back: with few positions a network learns them by heart, and later epochs are worse.
    `history` has a row for each finished epoch: epoch and step (from 1), train_loss and validation_loss (nats per
    pixel), and the learning rate it ended with.

    Parameters
    ----------
    design
        Budget, optimizer and network.
    recipe_sha256
        Digest of all that decides the result; it travels in the checkpoint, so that only the same training resumes.
    """

    def __init__(self, design: TrainingDesign, recipe_sha256: str) -> None:
        super().__init__()
        self.design = design
        self.recipe_sha256 = recipe_sha256
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Any] = {}
        self.network = GroupNetwork(design.network)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the Poisson loss () float32 of the last stage on the counts that were not shown, in nats per pixel.

        `batch` is an item of `GroupedScan`: counts and probes (B, C, H, W), corners int64 (B, C, 2), and what is told
        of beam and detector. The loss is divided by the hidden fraction, so that it stands for whole patterns.
        """
        return self._losses(batch)[-1][0]

    def objective(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return what a step lowers, and the loss in it: () float32 each; `batch` as in `loss`.

        The objective adds to the last stage's loss a part of the earlier stages', so that each is pulled straight, and
        the penalty, `restraint` times the mean of |P_k correction|^2 over patterns and pixels (P_k of shown photons).
        A group does not determine its own phase; the penalty keeps what is not measured as in the initial estimate.
        """
        losses = self._losses(batch)
        weights = [_EARLIER_STAGES] * (len(losses) - 1) + [1.0]
        penalty_weight = self.design.restraint
        stages = zip(weights, losses, strict=True)
        total = sum(weight * loss + penalty_weight * penalty for weight, (loss, penalty) in stages)
        return cast("Tensor", total), losses[-1][0]

    def _losses(self, batch: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Return the loss (nats per pixel) and the penalty (photons per pixel, without its weight) of every stage."""
        probes, hidden = batch["probes"], batch["hidden"]
        shown_fraction = self.design.shown_fraction
        judged = 1 - shown_fraction if shown_fraction < 1 else 1.0
        window = (probes.shape[-2], probes.shape[-1])
        dark_px = cast("Margins", tuple(batch["dark_px"].tolist()))
        canvas = Canvas.around(batch["corners_px"], window, self.design.network.shrink, dark_px)
        told = ToldBatch.of(batch)
        shown = Patterns(batch["shown"].sqrt(), probes * math.sqrt(shown_fraction), canvas, probes.shape[1])
        shown = told.shown(shown, shown_fraction)
        found: list[tuple[Tensor, Tensor]] = []
        projections = self.design.step_projections or self.design.network.start_iterations
        for estimate in self.network.estimates(shown, start_estimate(shown, projections)):
            patches = canvas.cut(estimate.obj)
            loss = told.loss(probes, patches, hidden, judged, judged * self.design.rate_floor) / judged
            correction = estimate.correction
            energy = shown.illumination * (correction.real.square() + correction.imag.square())
            found.append((loss, energy.sum() / probes.numel()))
        return found

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the objective () float32 of a step, `batch` as in `loss`; stop the job where it is not finite."""
        objective, loss = self.objective(batch)
        self._check_finite(objective, f"step {batch_idx + 1}")
        self.log("train_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=1)
        return objective

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Record the loss of a validation batch, as in `loss`; stop the job where it is not finite."""
        loss = self.loss(batch)
        self._check_finite(loss, "validation")
        self.log("validation_loss", loss, batch_size=1)

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

    def _check_finite(self, loss: Tensor, where: str) -> None:
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingDivergedError(
                f"the loss became {value} in epoch {self.current_epoch + 1}, {where}; "
                f"a smaller learning_rate than {self.design.learning_rate:g} may help"
            )

    def _relative_rate(self, step: int) -> float:
        total = self.design.max_epochs * self.design.steps_per_epoch
        rise = max(1, round(_WARM_UP * total))
        if step < rise:
            return (step + 1) / rise
        done = min(1.0, (step - rise) / max(1, total - rise))
        return _FINAL_RATE + (1 - _FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * done))
