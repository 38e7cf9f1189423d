"""`ptyproof foundation`: train one network for many scans, and show what a bundle was trained on."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.cli.options import Commands, add_command, add_quiet, console
from ptyproof.text_table import text_table

if TYPE_CHECKING:
    from ptyproof.foundation.bundle import SharedNetwork
    from ptyproof.foundation.design import FoundationDesign

_STEPS = 20_000
_EXAMPLES = """\
ptyproof foundation train --out shared
ptyproof foundation train --out shared --seconds 3600          # stops after an hour; the checkpoint stays
ptyproof foundation train --out shared --seconds 3600 --resume
ptyproof foundation train --out shared --accelerator gpu --num-workers 15 --scans-per-step 32 --stages 4 --levels 3
ptyproof foundation show shared/foundation.safetensors"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "train one network for many scans on simulated objects, for the method foundation"
    parser = add_command(commands, "foundation", summary, _EXAMPLES)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add_train(actions)
    show = actions.add_parser("show", help="what a bundle was trained on, and its errors on other objects")
    show.add_argument("bundle", type=Path, metavar="BUNDLE", help="foundation.safetensors of a training")
    show.set_defaults(run=_show)


def _add_train(actions: Commands) -> None:
    train = actions.add_parser("train", help="train a network; the same command gives the same bundle")
    train.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the bundle and its checkpoint"
    )
    train.add_argument(
        "--steps", type=int, default=_STEPS, metavar="N", help="steps of the optimizer (default: %(default)s)"
    )
    train.add_argument("--seconds", type=float, metavar="S", help="stop after so long, and leave the checkpoint")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in the folder")
    train.add_argument("--accelerator", default="cpu", metavar="cpu|gpu|auto", help="where it runs (default: cpu)")
    train.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (default: 1)")
    train.add_argument(
        "--num-workers", type=int, default=0, metavar="N", help="processes that make scans (default: 0, in this one)"
    )
    group = train.add_argument_group("design")
    group.add_argument("--stages", type=int, metavar="N", help="stages of the network (default: 2)")
    group.add_argument("--channels", type=int, metavar="N", help="channels of its hidden layers (default: 32)")
    group.add_argument("--levels", type=int, metavar="N", help="grids of a stage, each coarser (default: 1)")
    group.add_argument("--scans-per-step", type=int, metavar="N", help="scans of a step (default: 1)")
    group.add_argument("--uses", type=int, metavar="N", help="how often a scan is seen on average (default: 8)")
    group.add_argument("--seed", type=int, metavar="N", help="root of all random streams (default: 888)")
    add_quiet(train)
    train.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> int:
    from ptyproof.extras import TRAINING, require

    require("ptyproof foundation", TRAINING)
    from ptyproof.errors import InputError
    from ptyproof.foundation.bundle import write_bundle
    from ptyproof.foundation.training import CHECKPOINT, train
    from ptyproof.io.atomic import writable_folder
    from ptyproof.study import checks
    from ptyproof.training.device import RunOptions, resolve_accelerator

    checks.integer("--steps", args.steps, 1, 10**8)
    if args.seconds is not None:
        checks.positive("--seconds", args.seconds, 1e8)
    design, options = _design(args), RunOptions(args.accelerator, num_workers=args.num_workers, threads=args.threads)
    resolve_accelerator(options.accelerator)
    checkpoint = args.out / CHECKPOINT
    if checkpoint.exists() is not args.resume:
        what = (
            "there is none; leave out --resume" if args.resume else "there is one; add --resume, or take another folder"
        )
        raise InputError(f"--out {args.out}: {CHECKPOINT}: {what}")
    folder, said = writable_folder(args.out, "--out"), console(args)
    course = train(design, args.steps, folder, options, said, args.seconds)
    if course.step < args.steps:
        said.say(f"stopped after step {course.step} of {args.steps}; go on with --resume: {checkpoint}")
        return 0
    said.say(f"bundle: {write_bundle(folder, course, design, options)}")
    return 0


def _design(args: argparse.Namespace) -> FoundationDesign:
    from ptyproof.foundation.design import FoundationDesign

    design = FoundationDesign()
    of_network = {"n_stages": args.stages, "channels": args.channels}
    network = replace(design.network, **{key: value for key, value in of_network.items() if value is not None})
    of_training = {"levels": args.levels, "scans_per_step": args.scans_per_step, "uses": args.uses, "seed": args.seed}
    return replace(design, network=network, **{key: value for key, value in of_training.items() if value is not None})


def _show(args: argparse.Namespace) -> int:
    from ptyproof.extras import INFERENCE, require

    require("ptyproof foundation", INFERENCE)
    from ptyproof.foundation.bundle import read_bundle

    shared = read_bundle(args.bundle)
    sys.stdout.write("\n".join([*_said_of(shared), "", *_errors(shared)]) + "\n")
    return 0


def _said_of(shared: SharedNetwork) -> list[str]:
    record, design = shared.record, shared.record["design"]
    network, environment, tool = design["network"], record["environment"], record["tool"]
    low, high = design["doses"]
    n_weights = sum(weight.numel() for weight in shared.network.parameters())
    return [
        f"sha256: {shared.sha256}",
        f"network: {network['n_stages']} stages of {network['channels']} channels, {n_weights} weights",
        f"trained: {record['steps']} steps of {design['scans_per_step']} scans, seed {design['seed']}",
        f"by: {tool['name']} {tool['version']}, torch {environment['torch']}, on {environment['device']}",
        f"code: {record['code_sha256']}",
        f"patterns: {', '.join(map(str, shared.windows_px))} px, {low:g} to {high:g} photons",
        f"objects: {', '.join(record['objects'])}",
    ]


def _errors(shared: SharedNetwork) -> list[str]:
    """Return the table of errors on objects that no training saw."""
    rows = [
        [row["object"], f"{row['dose']:g}", f"{row['start_nrmse']:.4f}", f"{row['nrmse']:.4f}"]
        for row in shared.record["validation"]
    ]
    return text_table(["other object", "photons", "NRMSE of the start", "of the network"], rows, 1, 80)
