"""The pictures of one training: the recorded files of each, and how each is drawn."""

from __future__ import annotations

import csv
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ptyproof.errors import DataError, InputError
from ptyproof.hub.layout import REAL_RUN
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.file_record import file_is_whole
from ptyproof.io.hashing import sha256_file
from ptyproof.io.regular import lies_inside
from ptyproof.phases.e_train.plots import draw_training
from ptyproof.phases.figures import Drawing, Real
from ptyproof.physics.metrics import poisson_deviance
from ptyproof.report.pictures.objects import draw_reconstruction
from ptyproof.report.pictures.patterns import draw_diffraction
from ptyproof.report.pictures.positions import draw_scan
from ptyproof.study.design import design_from_dict

if TYPE_CHECKING:
    from ptyproof_schemas.types.common import File


@dataclass(frozen=True)
class Source:
    """A file that a picture was made from: its path in the hub, and its sha256."""

    path: str
    sha256: str


class JobPictures:
    """The pictures of a job of the training manifest, and the study's design in it."""

    def __init__(self, hub: Path, job: Mapping[str, Any], design: Mapping[str, Any]) -> None:
        self.hub = hub
        self.job = job
        self.design = design
        self.root = hub / REAL_RUN

    def sources(self, subject: str) -> tuple[Source, ...]:
        """Return the files of a picture as they are recorded; they may be gone.

        Raises
        ------
        InputError
            If the job has none: it did not succeed, or its datasets are not recorded.
        """
        result = self.job["result"]
        if subject == "training":
            if result["metrics_path"] is None:
                ended = result["status"] == "success"
                raise InputError("the training wrote no losses" if ended else f"the training is {result['status']}")
            path = self._path(posixpath.join(self.job["artifact_dir"], result["metrics_path"]))
            if not lies_inside(self.hub / path, self.hub):
                raise InputError(f"{path} is not in the hub")
            return (Source(path, sha256_file(self.hub / path)),)
        if self.job["datasets"] is None:
            raise InputError(f"the training is {result['status']}, and it read no datasets")
        if subject == "scan":
            return self._dataset("train"), self._dataset("test")
        if result["bundle_path"] is None:
            raise InputError(f"the training is {result['status']}, so there is no network")
        bundle = self._path(posixpath.join(self.job["artifact_dir"], result["bundle_path"]))
        return self._dataset("test"), Source(bundle, result["bundle_sha256"])

    def check(self, source: Source) -> None:
        """Refuse a file that is not there, or is not the recorded one.

        Raises
        ------
        InputError
            If the hub has no such file, or one with another sha256.
        """
        path = self.hub / source.path
        if not lies_inside(path, self.hub):
            why = (
                ": a run without --ptyproof-keep-datasets removes its datasets at its end"
                if path.suffix == ".npz"
                else ""
            )
            raise InputError(f"{source.path} is no longer in the hub{why}")
        record: File = {"path": source.path, "sha256": source.sha256, "size_bytes": path.stat().st_size}
        if not file_is_whole(record, self.hub):
            raise InputError(f"{source.path} has another sha256 than the recorded file")

    def draw(self, subject: str) -> Drawing:
        """Draw a picture."""
        makers: dict[str, Callable[[], Drawing]] = {
            "training": self._training,
            "scan": self._scan,
            "diffraction": self._diffraction,
            "reconstruction": self._reconstruction,
        }
        return makers[subject]()

    def _training(self) -> Drawing:
        (source,) = self.sources("training")
        try:
            with (self.hub / source.path).open(encoding="utf-8", newline="") as file:
                history = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
            return draw_training(history, self.job["result"]["bundle_epoch"])
        except (ValueError, TypeError, KeyError, IndexError, csv.Error) as error:
            raise DataError(source.path, f"is not a table of losses: {error}") from error

    def _scan(self) -> Drawing:
        train, test = (self._read(half) for half in ("train", "test"))
        window = (train.probe.shape[-2], train.probe.shape[-1])
        return draw_scan(train.obj, {"train": train.positions_px, "test": test.positions_px}, window)

    def _diffraction(self) -> Drawing:
        from ptyproof.reconstruction.stitching import cut

        scan, predicted, floor = self._scan_of_test, self._predicted["network"], self.job["training"]["rate_floor"]
        seen = cut(predicted.obj, scan.corners_px, scan.window)
        losses = np.empty(len(scan))
        counts: list[Real] = []
        expected: list[Real] = []
        for index in range(len(scan)):
            one = np.array([index])
            expected.append(scan.expected(one, seen[one])[0])
            counts.append(np.rint(np.square(scan.amplitude[index], dtype=np.float64)))
            valid = scan.counted(one)
            kept = np.ones(scan.window, dtype=bool) if valid is None else valid[0]
            losses[index] = poisson_deviance(expected[-1][kept], counts[-1][kept], floor)
        order = np.argsort(losses, kind="stable")
        chosen = {int(order[0]): "best", int(order[len(order) // 2]): "median", int(order[-1]): "worst"}
        return draw_diffraction(
            np.stack([counts[index] for index in chosen]),
            np.stack([expected[index] for index in chosen]),
            [float(losses[index]) for index in chosen],
            [f"{name}: pattern {index}" for index, name in chosen.items()],
        )

    def _reconstruction(self) -> Drawing:
        results = {name: found.obj for name, found in self._predicted.items()}
        return draw_reconstruction(results, self._test.obj, self._predicted["network"].illumination)

    @cached_property
    def _test(self) -> Dataset:
        return self._read("test")

    @cached_property
    def _scan_of_test(self) -> Any:
        from ptyproof.training.scan import scan_of

        tells = design_from_dict(self.design).tells_in(self.job["view"])
        return scan_of(self._test, self._dataset("test").path, tells)

    @cached_property
    def _predicted(self) -> dict[str, Any]:
        """The scored predictions of the held-out half: `network`, and `start`, its initial estimate."""
        from ptyproof.methods.network_prediction import canvas_shape, predict
        from ptyproof.training.bundle import read_bundle

        _, bundle = self.sources("diffraction")
        trained = read_bundle(self.hub / bundle.path)
        scan, truth, grouped = self._scan_of_test, self._test.obj, trained.record["gridsize"] > 1
        shape = canvas_shape(scan) if truth is None else truth.shape
        return {
            "network": predict(trained.network, scan, shape, grouped=grouped),
            "start": predict(trained.network, scan, shape, grouped=grouped, start_only=True),
        }

    def _read(self, half: str) -> Dataset:
        return read_dataset(self.hub / self._dataset(half).path).dataset

    def _dataset(self, half: str) -> Source:
        record = self.job["datasets"][half]
        return Source(self._path(record["path"]), record["sha256"])

    def _path(self, name: str) -> str:
        """Return the path in the hub of a file that the training manifest names; refuse a file outside the hub."""
        path = posixpath.normpath(posixpath.join(self.root.name, name))
        if path.startswith(("../", "/")) or not (self.hub / path).resolve().is_relative_to(self.hub.resolve()):
            raise InputError(f"{path} lies outside the hub")
        return path
