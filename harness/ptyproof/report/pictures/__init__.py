"""The pictures of a hub's report: losses, scan positions, diffraction patterns, and objects beside the truth.

Each drawing is a function of arrays, and comes with a caption and a text that says in numbers what it shows. `collect`
draws what a hub's files allow, keeps it under `docs/figures/`, and takes from there what was drawn from the same files
before: so pictures stay when the datasets that they were made from are removed.
"""

from ptyproof.report.pictures.album import SUBJECTS, Album, Picture, collect
from ptyproof.report.pictures.losses import draw_training
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
