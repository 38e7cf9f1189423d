"""`ptyproof import`: read a foreign or legacy dataset and write a DATA-001 file."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.cli.beamline_options import LIST, add_beamline, refuse_without_reader
from ptyproof.cli.first_look import check_looks, look, refuse_without_patterns
from ptyproof.cli.importing_scans import imported_scan, list_readers
from ptyproof.cli.options import Commands, add_command, add_reading, reading
from ptyproof.errors import InputError

if TYPE_CHECKING:
    from ptyproof.io.importers import Imported

_EXAMPLES = """\
ptyproof import siemens-star-small.npz --out measured.npz
ptyproof import counts.npz --values intensity --zero-frequency corner --out measured.npz
ptyproof import measured-modes.npz --orthogonal-modes --out measured.npz
ptyproof import siemens-star-small.npz --object siemens --out base.npz
ptyproof import measured.npz --object-from star/lsqml/fit.npz --out base.npz
ptyproof import measured.npz --probe-from star/lsqml/fit.npz --out refined.npz
ptyproof import --reader list
ptyproof import scan.cxi --reader CXI --out scan.npz
ptyproof import scan_0.tif --reader TIFF --positions-file scan.csv --object-pixel-nm 12 --out scan.npz
ptyproof import scan.cxi --reader CXI --out scan.npz --sheet scan.png --try-orientations"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "read a foreign or legacy dataset, print each change, and write a DATA-001 file"
    parser = add_command(commands, "import", summary, _EXAMPLES)
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="file to read")
    parser.add_argument("--out", type=Path, metavar="FILE.npz", help="file to write")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--object-from",
        type=Path,
        metavar="ARCHIVE.npz",
        help="make a base for simulations: positions of FILE, object and probe of a reconstruction of FILE",
    )
    what.add_argument(
        "--probe-from",
        type=Path,
        metavar="ARCHIVE.npz",
        help="replace the probe by that of a reconstruction of FILE, for methods that keep the probe fixed",
    )
    what.add_argument(
        "--object",
        metavar="NAME",
        help="make a base for simulations: probe and positions of FILE and this built-in object (grains or siemens), "
        "without the measured patterns",
    )
    parser.add_argument(
        "--orthogonal-modes",
        action="store_true",
        help="mix the modes of the probe to orthogonal ones, which illuminate every object in the same way",
    )
    parser.add_argument(
        "--sheet",
        type=Path,
        metavar="FILE.png",
        help="also draw mean pattern, mask, positions, probe and a first estimate, on which wrong axes are seen",
    )
    parser.add_argument(
        "--try-orientations",
        action="store_true",
        help="print how well a quick estimate explains the patterns with the positions in each of the eight "
        "orientations; the best is proposed and not taken",
    )
    add_reading(parser, scan_order="rows")
    add_beamline(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.io.dataset import write_dataset

    if args.reader == LIST:
        list_readers()
        return 0
    if args.file is None or args.out is None:
        raise InputError("import needs FILE and --out FILE.npz")
    if args.out.is_dir() or not args.out.parent.is_dir():
        raise InputError(f"--out must be a file in an existing folder, got {args.out}")
    if args.out.exists() and args.file.exists() and args.out.samefile(args.file):
        raise InputError(f"--out must differ from the input file, got {args.out}")
    check_looks(args)
    with ExitStack() as stack:
        changes: list[str] = []
        try:
            found = _read(args, changes, stack)
            refuse_without_patterns(args, found.dataset)
            write_dataset(args.out, found.dataset)
        finally:  # also shows the changes of a file that is refused
            for change in changes:
                sys.stdout.write(f"{args.file.name}: {change}\n")
        _say(args, found)
        look(args, found.dataset)
    return 0


def _say(args: argparse.Namespace, found: Imported) -> None:
    from ptyproof.io.odd_pixels import odd_pixels
    from ptyproof.io.validation import scan_extent

    dataset = found.dataset
    for remark in (*found.remarks, *odd_pixels(dataset)):
        sys.stdout.write(f"{args.file.name}: note: {remark}\n")
    sys.stdout.write(f"{args.out}: {scan_extent(dataset).described()}\n")
    n, role = len(dataset.positions_px), dataset.metadata["role"]
    modes = "" if dataset.further_modes is None else f", {len(dataset.modes)} modes"
    size = " x ".join(map(str, dataset.probe.shape))
    sys.stdout.write(f"{args.out}: {role}, {n} scan positions, probe {size} px{modes}\n")
    if dataset.obj is None:
        sys.stdout.write(f"{args.out}: has no object; use `--object NAME` to make a base for simulations\n")


def _read(args: argparse.Namespace, changes: list[str], stack: ExitStack) -> Imported:
    from ptyproof.io.importers import ImportOptions, read_foreign

    if args.reader is not None:
        if args.object_from or args.probe_from or args.object or args.orthogonal_modes:
            raise InputError(f"--reader {args.reader} makes a measurement; import that file again for a base")
        return stack.enter_context(imported_scan(args, changes))
    refuse_without_reader(args)
    how = reading(args)
    if args.orthogonal_modes and (args.object_from or args.probe_from):
        raise InputError("--orthogonal-modes needs the modes of FILE, but the probe is that of a reconstruction")
    if args.object_from is not None:
        from ptyproof.phases.base import base_of_reconstruction

        return base_of_reconstruction(args.file, args.object_from, how, changes)
    if args.probe_from is not None:
        from ptyproof.phases.measurement import with_found_probe

        return with_found_probe(args.file, args.probe_from, how, changes)
    options = ImportOptions(args.object, reading=how, orthogonal=args.orthogonal_modes)
    return read_foreign(args.file, options, changes)
