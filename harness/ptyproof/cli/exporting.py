"""`ptyproof export`: a DATA-001 file as a CXI file, for other programs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.cli.beamline_options import pair, positive
from ptyproof.cli.options import Commands, add_command
from ptyproof.errors import DataError, InputError

if TYPE_CHECKING:
    from ptyproof.io.dataset import Dataset
    from ptyproof.io.physical import Lengths

_EXAMPLES = """\
ptyproof export scan.npz --out scan.cxi
ptyproof export c/dose_1000/patched_test.npz --pixels-as-meters --out simulated.cxi
ptyproof export scan.npz --energy-kev 9 --distance-m 2 --detector-pixel-um 75 --out scan.cxi"""
_OPTIONS = {
    "photon_energy_ev": "--energy-kev",
    "detector_distance_m": "--distance-m",
    "detector_pixel_size_m": "--detector-pixel-um",
    "object_pixel_size_m": "--object-pixel-nm",
}


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "write patterns, mask, probe and positions of a DATA-001 file as a CXI file"
    parser = add_command(commands, "export", summary, _EXAMPLES)
    add = parser.add_argument
    add("file", type=Path, metavar="FILE.npz", help="dataset with patterns; its object is left out")
    add("--out", type=Path, required=True, metavar="FILE.cxi", help="file to write")
    add("--energy-kev", type=float, metavar="E", help="photon energy, if the dataset's record does not know it")
    add("--distance-m", type=float, metavar="Z", help="distance from the sample to the detector")
    add("--detector-pixel-um", metavar="P[xP]", help="pitch of the window's pixels (rows x columns)")
    add("--object-pixel-nm", metavar="P[xP]", help="size of the object's pixels (rows x columns)")
    add(
        "--pixels-as-meters",
        action="store_true",
        help="let 1 m stand for one pixel of the object, and for wavelength and distance, which are not known",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.extras import require

    require("ptyproof export", ("h5py",))
    from ptyproof.beamlines.cxi_writer import write_cxi
    from ptyproof.io.dataset import read_dataset

    if args.out.is_dir() or not args.out.parent.is_dir():
        raise InputError(f"--out must be a file in an existing folder, got {args.out}")
    if args.out.exists() and args.file.exists() and args.out.samefile(args.file):
        raise InputError(f"--out must differ from the input file, got {args.out}")
    loaded = read_dataset(args.file, mmap=True, without_truth=True, require=("diffraction",))
    dataset = loaded.dataset
    lengths = _lengths(args, dataset)
    left_out = write_cxi(args.out, dataset, lengths, args.file)
    loaded.tell(lambda line: sys.stdout.write(f"{args.file.name}: {line}\n"))
    if left_out:
        sys.stdout.write(f"{args.out}: without {', '.join(left_out)}, for which CXI has no place\n")
    row, col = (1e9 * size for size in lengths.object_pixel_size_m)
    what = f"object pixels of {row:.6g} x {col:.6g} nm" if lengths.are_known else "1 m stands for one pixel"
    sys.stdout.write(f"{args.out}: {len(dataset)} patterns, {len(dataset.modes)} mode(s), {what}\n")
    return 0


def _lengths(args: argparse.Namespace, dataset: Dataset) -> Lengths:
    """Return the lengths that record and options give.

    Raises
    ------
    DataError
        If some are missing, or of the near field, or contradict each other.
    InputError
        If an option contradicts the record or another option.
    """
    from ptyproof.io.physical import known_lengths, lengths_of_pixels, pixel_size_problem

    window = (dataset.probe.shape[0], dataset.probe.shape[1])
    energy = positive("--energy-kev", args.energy_kev)
    given = {
        "photon_energy_ev": None if energy is None else energy * 1e3,
        "detector_distance_m": positive("--distance-m", args.distance_m),
        "detector_pixel_size_m": pair("--detector-pixel-um", args.detector_pixel_um, 1e-6),
        "object_pixel_size_m": pair("--object-pixel-nm", args.object_pixel_nm, 1e-9),
    }
    stated = [name for name, value in given.items() if value is not None]
    if args.pixels_as_meters:
        if stated:
            raise InputError(f"--pixels-as-meters and {_OPTIONS[stated[0]]} contradict each other; give one of them")
        return lengths_of_pixels(window)
    record: dict[str, Any] = {"regime": None, **dict.fromkeys(given), **(dataset.metadata.get("physical") or {})}
    for name in stated:
        if record[name] is not None:
            raise InputError(
                f"{_OPTIONS[name]} is for data whose record does not know it; it has {name} {record[name]}"
            )
        record[name] = given[name]
    if record["regime"] == "near":
        raise DataError(args.file, "is of the near field, whose lengths ptyproof does not derive", "_metadata")
    problem = pixel_size_problem(record, window)
    if problem is not None:
        raise DataError(args.file, problem, "_metadata")
    lengths = known_lengths(record, window)
    if lengths is None:
        pixels = ("detector_pixel_size_m", "object_pixel_size_m")
        missing = [_OPTIONS[name] for name in given if record[name] is None and name not in pixels]
        if all(record[name] is None for name in pixels):
            missing.append("--detector-pixel-um")
        raise DataError(
            args.file,
            f"has positions in pixels, and CXI has meters: give {', '.join(missing)}; or --pixels-as-meters",
            "_metadata",
        )
    return lengths
