"""What networks are trained that a reconstruction of a measurement needs: a study's budget, the groups of a view."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ptyproof.errors import InputError
from ptyproof.study.design import StudyDesign
from ptyproof.study.toml_form import load_study
from ptyproof.study.views import View

if TYPE_CHECKING:
    from ptyproof_schemas.types.assessment import Network


class Groups(TypedDict):
    """Which study's view a network is trained for."""

    study: str
    design_digest: str
    view: str
    gridsize: int
    neighbor_count: int


@dataclass(frozen=True)
class OwnTraining:
    """How a network is trained: with the budget of a study, on groups as one of its views has them."""

    design: StudyDesign
    view: View

    @classmethod
    def named(cls, text: str) -> OwnTraining:
        """Return the training that STUDY/VIEW means; STUDY is a name or a TOML file.

        Raises
        ------
        InputError
            If the study has no such view, or the view leaves positions out.
        """
        study, _, name = text.rpartition("/")
        if not study:
            raise InputError(f"--train must be STUDY/VIEW, such as fly64-groups/groups16, got {text!r}")
        design = load_study(study)
        views = {view.name: view for view in design.views if view.reads_phase_c}
        if name not in views:
            known = ", ".join(views) or "none"
            raise InputError(f"--train must name a view of {design.name} of all positions ({known}), got {name!r}")
        return cls(design, views[name])

    def as_dict(self) -> Groups:
        """Return the record for a manifest."""
        return {
            "study": self.design.name,
            "design_digest": self.design.digest(),
            "view": self.view.name,
            "gridsize": self.view.gridsize,
            "neighbor_count": self.design.neighbors_of(self.view),
        }


@dataclass(frozen=True)
class OwnNetwork:
    """A network that was trained for one part: its bundle, and its entry in a manifest."""

    bundle_path: Path
    record: Network
