"""Lightning, imported after what its own import needs: its torchmetrics imports torchvision where it is installed."""

from ptyproof.remedies import import_torchvision

import_torchvision()

import lightning.pytorch as pl  # noqa: E402 - see above
from lightning.pytorch.callbacks import Callback, ModelCheckpoint  # noqa: E402
from lightning.pytorch.plugins.io import TorchCheckpointIO  # noqa: E402

__all__ = ["Callback", "ModelCheckpoint", "TorchCheckpointIO", "pl"]
