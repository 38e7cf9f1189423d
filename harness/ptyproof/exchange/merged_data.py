"""The manifests of several hubs that no call goes on with as one: data (Phase C), views (Phase D), and certificates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ptyproof.certificate.certificate import account_of
from ptyproof.exchange.cells import Conflicts, by_key
from ptyproof.exchange.merged_design import Manifests, newest
from ptyproof.hub.layout import CERTIFICATE, OVERLAP, RUN
from ptyproof.records.cell_book import Record
from ptyproof.records.manifest import timed_head
from ptyproof.study.design import StudyDesign
from ptyproof.study.exposures import exposure_of


def merged_data(
    found: Sequence[Manifests], designs: Mapping[str, StudyDesign], conflicts: Conflicts
) -> dict[str, Record]:
    """Return the manifests of Phases C and D with the data and views of all hubs; data that differ are conflicts.

    Head, time and environment are those of the newest manifest: nothing was simulated when hubs were merged.
    """
    made = {}
    if runs := _of(RUN, found, "recipe_digest", conflicts):
        datasets = by_key(_lists(runs, "datasets"), exposure_of, "the data", conflicts)
        ordered = [datasets[exposure] for exposure in designs[RUN].exposures if exposure in datasets]
        made[RUN] = {**newest(runs.values()), "design": designs[RUN].as_dict(), "datasets": ordered}
    if views := _of(OVERLAP, found, "phase_c_recipe_digest", conflicts):
        lists = [*_lists(views, "views"), *_lists(views, "rejected_views")]
        cells = by_key(lists, lambda view: (exposure_of(view), view["view"]), "the view", conflicts)
        design = designs[OVERLAP]
        order = [(exposure, view.name) for exposure in design.exposures for view in design.views]
        known = [cells[key] for key in (*order, *(key for key in cells if key not in order)) if key in cells]
        accepted = [view for view in known if view["status"] == "accepted"]
        rejected = [view for view in known if view["status"] != "accepted"]
        account = {"n_cells": len(known), "n_accepted": len(accepted), "n_rejected": len(rejected)}
        lists_of_views = {"views": accepted, "rejected_views": rejected, "account": account}
        made[OVERLAP] = {**newest(views.values()), "design": design.as_dict(), **lists_of_views}
    return made


def merged_certificate(found: Sequence[Manifests]) -> dict[str, Record]:
    """Return the certificate with every attempt of all hubs, each once, oldest first; nothing without a certificate."""
    certificates = [manifests[CERTIFICATE] for manifests in found if CERTIFICATE in manifests]
    if not certificates:
        return {}
    once = {json.dumps(one, sort_keys=True): one for certificate in certificates for one in certificate["attempts"]}
    attempts = [once[text] for text in sorted(once, key=lambda text: (once[text]["started"], text))]
    own = {"account": account_of(attempts), "attempts": attempts}
    return {CERTIFICATE: {**newest(certificates), **timed_head("certificate"), **own}}


def _of(name: str, found: Sequence[Manifests], key: str, conflicts: Conflicts) -> dict[int, Mapping[str, Any]]:
    """Return the manifests of a phase by the number of their hub; those of different recipes are a conflict."""
    manifests = {number: one[name] for number, one in enumerate(found) if name in one}
    if len({manifest[key] for manifest in manifests.values()}) > 1:
        conflicts.named.append(f"{key} of {name}")
    return manifests


def _lists(manifests: Mapping[int, Mapping[str, Any]], key: str) -> list[tuple[int, list[Record]]]:
    return [(number, manifest[key]) for number, manifest in manifests.items()]
