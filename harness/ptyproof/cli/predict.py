"""`ptyproof predict`: patches and object from a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from ptyproof.cli.options import Commands, add_command, add_hub, add_quiet, console

_EXAMPLES = """\
ptyproof predict a/dose_1000/baseline/gs1/model.safetensors c/dose_1000/patched_test.npz --out prediction.npz"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "reconstruct a dataset with a trained network: patches and object"
    parser = add_command(commands, "predict", summary, _EXAMPLES)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="model.safetensors of a training")
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="DATA-001 file (.npz)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="archive to write (.npz)")
    add_hub(parser)
    add_quiet(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.extras import INFERENCE, require

    require("ptyproof predict", INFERENCE)
    from ptyproof.phases.predict import predict_dataset

    said = console(args)
    found = predict_dataset(args.bundle, args.dataset, args.out, said)
    components = (
        "" if found.n_components == 1 else f", {found.n_components} connected components with independent phases"
    )
    said.say(
        f"{found.n_patterns} patches of {found.window[0]} x {found.window[1]} px, object of "
        f"{found.object_shape_px[0]} x {found.object_shape_px[1]} px{components}: {args.out}"
    )
    return 0
