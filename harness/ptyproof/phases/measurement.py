"""A measurement with the probe that a reconstruction of it has found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ptyproof.errors import DataError
from ptyproof.io.dataset import in_its_version, read_dataset
from ptyproof.io.hashing import sha256_file
from ptyproof.io.importers import Imported
from ptyproof.io.metadata import file_name, with_transformation
from ptyproof.io.reading import UNSAID, Reading
from ptyproof.io.validation import validate_dataset
from ptyproof.records.archive import read_archive


def with_found_probe(
    measured: Path, archive: Path, reading: Reading = UNSAID, changes: list[str] | None = None
) -> Imported:
    """Return a measurement whose probe is that of a reconstruction; and what was done.

    For methods that hold the probe fixed. What the reconstruction has not seen, such as the patterns that
    `ptyproof assess` held out from its part `fit`, has no part in the probe.

    Parameters
    ----------
    measured
        DATA-001 file of the measurement; its object, if it has one, is left out.
    archive
        A reconstruction of it, such as `ptyproof assess` writes.
    reading
        What a file without a record leaves open.
    changes
        List that gets each change as it is made.

    Raises
    ------
    DataError
        If a file is damaged or no measurement, or the reconstruction's probe does not fit the patterns or lies at the
        window's edge.
    """
    changes = [] if changes is None else changes
    how = reading.as_keywords() | {"changes": changes}
    dataset = read_dataset(measured, without_truth=True, require=("diffraction",), **how).dataset
    if dataset.role != "measurement":
        raise DataError(
            measured, f"is a {dataset.role} dataset, and only a measurement is given a found probe", "_metadata"
        )
    found = read_archive(archive)
    if found.probe.shape != dataset.probe.shape:
        raise DataError(
            archive, f"has shape {found.probe.shape}, but {measured.name} has {dataset.probe.shape}", "probe"
        )
    detail = found.origin() | {
        "measurement": {"name": file_name(measured), "sha256": sha256_file(measured)},
    }
    metadata = with_transformation(dataset.metadata, "probe of a reconstruction", detail)
    changed = in_its_version(replace(dataset, probe=found.probe, further_modes=found.further_modes, metadata=metadata))
    remarks = validate_dataset(changed, archive)
    changes.append(f"probeGuess: that of a reconstruction by {found.origin()['method']}")
    if found.further_modes is not None:
        changes.append(f"probeGuess: with the {len(found.further_modes)} further modes that it has refined")
    elif dataset.further_modes is not None:
        changes.append(f"probeGuess: {len(dataset.further_modes)} further modes left out, the reconstruction has one")
    return Imported(changed, tuple(changes), remarks)
