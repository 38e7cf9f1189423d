"""L4: the unsupervised physics-informed network and its training; torch and Lightning live here."""

from ptyproof.remedies import import_torchvision

import_torchvision()  # where it is installed, Lightning's torchmetrics imports it, too
