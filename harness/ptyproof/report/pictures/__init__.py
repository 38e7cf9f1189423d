"""The pictures of a hub's report: losses, scan positions, diffraction patterns, and objects beside the truth.

Each drawing is a function of arrays. It comes with a caption, and with a text alternative that gives its numbers.
`collect` draws the pictures that a hub's files allow and keeps them under `docs/figures/`. It draws no picture again
that the same files made before, so pictures stay when their datasets are removed.
"""

from ptyproof.phases.e_train.plots import draw_training
from ptyproof.report.pictures.album import SUBJECTS, Album, Picture, collect
from ptyproof.report.pictures.objects import draw_reconstruction
from ptyproof.report.pictures.patterns import draw_diffraction
from ptyproof.report.pictures.positions import draw_scan

__all__ = [
    "SUBJECTS",
    "Album",
    "Picture",
    "collect",
    "draw_diffraction",
    "draw_reconstruction",
    "draw_scan",
    "draw_training",
]
