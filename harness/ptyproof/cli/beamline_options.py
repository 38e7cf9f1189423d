"""The options of `ptyproof import --reader`: which files of a beamline are read, and their geometry."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.beamlines.request import ARRAY_ROLES, ARRAYS, COLUMNS, CXI, Kind, Request
from ptyproof.errors import InputError
from ptyproof.physics.names import ORIENTATIONS

if TYPE_CHECKING:
    from ptyproof.beamlines.to_dataset import Center, Conversion

LIST = "list"
_COLUMNS = frozenset((".csv", ".txt", ".dat", ".tsv"))
_GROUP = "files of beamlines (with --reader)"


def add_beamline(parser: argparse.ArgumentParser) -> None:
    """Add the options; `requests` and `conversion` return what they say."""
    group = parser.add_argument_group(_GROUP)
    add = group.add_argument
    add("--reader", metavar="NAME", help="reader of the patterns in FILE: CXI, arrays, or one of ptychodus; list shows")
    add("--positions-file", type=Path, metavar="F", help="file with the positions (default: FILE)")
    add(
        "--positions-reader",
        metavar="NAME",
        help="its reader (default: columns for .csv, .txt, .dat and .tsv, else that of FILE)",
    )
    add("--probe-file", type=Path, metavar="F", help="file with the probe (default: an estimate from the patterns)")
    add("--probe-reader", metavar="NAME", help="its reader (default: NPY for .npy, else that of FILE)")
    add("--mask-file", type=Path, metavar="F", help="file with the mask of the detector")
    add("--mask-reader", metavar="NAME", help="its reader (default: NPY_Good_Pixels: true where a pixel measures)")
    add(
        "--array",
        action="append",
        default=[],
        metavar="ROLE=NAME",
        help=f"for --reader arrays: the array of FILE that holds {', '.join(ARRAY_ROLES)}; positions are "
        "(row, column), a mask is true where a pixel measures",
    )
    add("--positions-unit", choices=("m", "px"), default="m", help="for --reader arrays: unit of the positions")
    add("--energy-kev", type=float, metavar="E", help="photon energy, if the file does not state it or is wrong")
    add("--distance-m", type=float, metavar="Z", help="distance from the sample to the detector")
    add("--detector-pixel-um", metavar="P[xP]", help="pitch of the detector's pixels (rows x columns)")
    add("--object-pixel-nm", metavar="P[xP]", help="size of the object's pixels (rows x columns)")
    add("--orient-patterns", choices=ORIENTATIONS, default="as-is", help="turn the patterns (default: %(default)s)")
    add("--orient-positions", choices=ORIENTATIONS, default="as-is", help="turn the positions (default: %(default)s)")
    add("--rotate-positions", type=float, default=0.0, metavar="DEG", help="then turn them further, counterclockwise")
    add("--center", default="auto", metavar="auto|middle|R,C", help="pixel of the direct beam (default: %(default)s)")
    add("--crop", metavar="N|RxC", help="pixels of the detector around the center that are taken (default: all)")
    add("--bin", type=int, default=1, metavar="B", help="make B x B pixels of the detector one")
    add("--mask-saturated", action="store_true", help="exclude pixels at the largest value of their type")
    add("--probe-diameter-px", type=float, metavar="D", help="size of the estimated probe (default: 2.5 steps)")
    add("--regime", choices=("far",), help="read a scan as one of the far field whose steps say that it is not")
    parser.set_defaults(_beamline_defaults={action.dest: action.default for action in group._group_actions})


def refuse_without_reader(args: argparse.Namespace) -> None:
    """Refuse options of this group without `--reader`.

    Raises
    ------
    InputError
        Names the first of them.
    """
    for name, default in args._beamline_defaults.items():
        if name != "reader" and getattr(args, name) != default:
            raise InputError(f"--{name.replace('_', '-')} needs --reader NAME, which says how FILE is read")


def refuse_with_reader(args: argparse.Namespace) -> None:
    """Refuse options that a reader takes no notice of, or that contradict each other.

    Raises
    ------
    InputError
        Names the option.
    """
    ignored = {"values": None, "axis_order": None, "zero_frequency": "auto", "scan_order": "rows"}
    for name, default in ignored.items():
        if getattr(args, name) != default:
            raise InputError(
                f"--{name.replace('_', '-')} is for files without a reader; --reader {args.reader} decides"
            )
    if args.mask_saturated and args.saturated == "keep":
        raise InputError("--mask-saturated excludes what --saturated keep reads as light; give one of them")


def requests(args: argparse.Namespace) -> list[Request]:
    """Return what is to be read, the patterns first.

    Raises
    ------
    InputError
        If `--array` and the reader do not belong together, or a value of it is no ROLE=NAME.
    """
    named = _arrays(args)
    if (args.reader == ARRAYS) != bool(named):
        raise InputError("--reader arrays and --array ROLE=NAME belong together")

    def of(kind: Kind, path: Path, reader: str) -> Request:
        return Request(kind, reader, str(path), named, args.positions_unit)

    found = [of("patterns", args.file, args.reader)]
    elsewhere = args.positions_file is not None or args.positions_reader is not None
    if elsewhere or args.reader.casefold() not in (ARRAYS, CXI.casefold()):  # which read the positions as well
        path = args.positions_file or args.file
        default = COLUMNS if args.positions_file and path.suffix.lower() in _COLUMNS else args.reader
        found.append(of("positions", path, args.positions_reader or default))
    if args.probe_file is not None:
        default = "NPY" if args.probe_file.suffix.lower() == ".npy" else args.reader
        found.append(of("probe", args.probe_file, args.probe_reader or default))
    if args.mask_file is not None:
        found.append(of("mask", args.mask_file, args.mask_reader or "NPY_Good_Pixels"))
    return found


def conversion(args: argparse.Namespace) -> Conversion:
    """Return how the scan is made a dataset."""
    from ptyproof.beamlines.to_dataset import Conversion, Geometry

    energy = positive("--energy-kev", args.energy_kev)
    geometry = Geometry(
        photon_energy_ev=None if energy is None else energy * 1e3,
        detector_distance_m=positive("--distance-m", args.distance_m),
        detector_pixel_size_m=pair("--detector-pixel-um", args.detector_pixel_um, 1e-6),
        object_pixel_size_m=pair("--object-pixel-nm", args.object_pixel_nm, 1e-9),
        patterns=args.orient_patterns,
        positions=args.orient_positions,
        rotation_deg=args.rotate_positions,
        center=_center(args.center),
        crop=_crop(args.crop),
        binning=args.bin,
        far_field=args.regime == "far",
    )
    diameter = positive("--probe-diameter-px", args.probe_diameter_px)
    return Conversion(geometry, "mask" if args.mask_saturated else args.saturated, diameter)


def _arrays(args: argparse.Namespace) -> dict[str, str]:
    named: dict[str, str] = {}
    for text in args.array:
        role, equals, name = text.partition("=")
        if not equals or not name or role not in ARRAY_ROLES:
            raise InputError(f"--array must be ROLE=NAME with a ROLE of {', '.join(ARRAY_ROLES)}, got {text!r}")
        if role in named:
            raise InputError(f"--array gives {role} twice: {named[role]} and {name}")
        named[role] = name
    return named


def positive(option: str, value: float | None) -> float | None:
    """Return the value of an option.

    Raises
    ------
    InputError
        If it is neither a number above 0 nor None.
    """
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InputError(f"{option} must be a number above 0, got {value:g}")
    return value


def pair(option: str, text: str | None, unit: float) -> tuple[float, float] | None:
    """Return the (row, col) that the text `P` or `PxP` gives, times a unit, or None for None.

    Raises
    ------
    InputError
        If these are not one or two numbers above 0.
    """
    if text is None:
        return None
    try:
        values = [float(part) * unit for part in text.lower().split("x")]
    except ValueError:
        values = []
    if len(values) not in (1, 2) or not all(math.isfinite(value) and value > 0 for value in values):
        raise InputError(f"{option} must be one number above 0, or two as ROWSxCOLUMNS, got {text!r}")
    return values[0], values[-1]


def _center(text: str) -> Center:
    if text in ("auto", "middle"):
        return text  # type: ignore[return-value]
    try:
        row, col = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--center must be auto, middle or ROW,COLUMN, got {text!r}") from error
    if not (math.isfinite(row) and math.isfinite(col)):
        raise InputError(f"--center must be finite, got {text!r}")
    return row, col


def _crop(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) not in (1, 2) or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"--crop must be a whole number above 0, or two as ROWSxCOLUMNS, got {text!r}")
    return int(parts[0]), int(parts[-1])
