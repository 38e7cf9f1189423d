"""Lightning, imported after what its own import needs: its torchmetrics imports torchvision where it is installed."""

from ptyproof.remedies import import_torchvision

import_torchvision()

import lightning.pytorch as pl  # noqa: E402 - see above
from lightning.fabric.plugins.environments.lightning import LightningEnvironment  # noqa: E402
from lightning.pytorch.callbacks import Callback, ModelCheckpoint  # noqa: E402
from lightning.pytorch.plugins.io import TorchCheckpointIO  # noqa: E402

__all__ = ["Callback", "ModelCheckpoint", "OneProcess", "TorchCheckpointIO", "pl"]


class OneProcess(LightningEnvironment):
    """A training is one process, whatever the cluster's variables say of the one that started it.

    Without it Lightning looks for a cluster: it warns where `srun` is on the path, refuses to train in an allocation of
    several tasks, and takes the rank of a process from the variables of Slurm, torchrun and others.
    """

    def __init__(self) -> None:
        super().__init__()
        self.set_global_rank(0)

    @property
    def creates_processes_externally(self) -> bool:
        """Whether the cluster starts the processes: no."""
        return False

    def local_rank(self) -> int:
        """Return the number of the process on its node."""
        return 0

    def node_rank(self) -> int:
        """Return the number of the node."""
        return 0

    def teardown(self) -> None:
        """Leave the variables of the process as they are."""
