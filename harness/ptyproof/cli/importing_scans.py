"""`ptyproof import --reader`: the files of a beamline, made one DATA-001 file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

from ptyproof.cli.beamline_options import conversion, refuse_with_reader, requests
from ptyproof.text_table import text_table

if TYPE_CHECKING:
    from ptyproof.io.importers import Imported


@contextmanager
def imported_scan(args: argparse.Namespace, changes: list[str]) -> Iterator[Imported]:
    """Read a scan as the options say; its patterns are mapped from a file that lasts as long as the block."""
    from ptyproof.beamlines.readers import scan_of_files
    from ptyproof.beamlines.request import OWN
    from ptyproof.beamlines.to_dataset import dataset_of_scan
    from ptyproof.extras import BEAMLINES, require
    from ptyproof.io.importers import Imported

    refuse_with_reader(args)
    wanted, how = requests(args), conversion(args)
    own = {name.casefold() for name in OWN}
    theirs = any(request.reader.casefold() not in own for request in wanted)
    require(f"ptyproof import --reader {args.reader}", BEAMLINES if theirs else ("h5py",))
    scratch = args.out.parent
    with scan_of_files(wanted, scratch) as scan, TemporaryDirectory(prefix=".import-", dir=scratch) as folder:
        dataset, remarks = dataset_of_scan(args.file, scan, how, Path(folder), changes)
        yield Imported(dataset, tuple(changes), remarks)


def list_readers() -> None:
    """Print the readers of each kind of file."""
    from ptyproof.beamlines.readers import reader_names
    from ptyproof.beamlines.request import ARRAYS, COLUMNS, CXI
    from ptyproof.extras import missing

    own = [
        ("patterns, positions, mask, probe", CXI, "Coherent X-ray Imaging Files (*.cxi)"),
        ("patterns, positions, mask, probe", ARRAYS, "arrays of an .npz under the names of --array"),
        ("positions", COLUMNS, "text with a header that names x and y (*.csv *.txt *.dat)"),
    ]
    if missing(("ptychodus",)):
        theirs = []
        sys.stdout.write("the readers of ptychodus need it: pip install 'pytest-ptyproof[beamlines]'\n")
    else:
        taken = {name.casefold() for _, name, _ in own}
        kinds = reader_names(Path(gettempdir()))
        theirs = [
            (kind, name, said)
            for kind, found in kinds.items()
            for name, said in found.items()
            if name.casefold() not in taken
        ]
    lines = text_table(["file", "reader", "reads"], [*own, *theirs], 3, 120)
    sys.stdout.write("\n".join(lines) + "\n")
