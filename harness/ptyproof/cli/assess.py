"""`ptyproof assess`: judge methods on a measurement without known truth."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.cli.options import Commands, add_command, add_hub, add_quiet, console

if TYPE_CHECKING:
    from ptyproof.assessment.assess import AssessmentPlan, Task
    from ptyproof.io.knowledge import Tell
    from ptyproof.methods.registry import Registry
    from ptyproof.study.design import StudyDesign

_MAX_DIGITS = 20
_TRAINING = "fly64-groups/groups16"
_EXAMPLES = """\
ptyproof assess measured.npz --out star
ptyproof assess measured.npz --out star --method lsqml=50 --method epie=50
ptyproof assess measured.npz --out star --study mine.toml --method lsqml
ptyproof assess measured.npz --out star --method pinn --method pinn+lsqml=5 --train
ptyproof assess measured.npz --out star --method start --method pinn --bundle model.safetensors"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "judge methods on a measurement without known truth: held-out patterns, independent half-scans, figures"
    parser = add_command(commands, "assess", summary, _EXAMPLES)
    parser.add_argument(
        "dataset", type=Path, metavar="FILE.npz", help="measured dataset (DATA-001), see ptyproof import"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--method",
        action="append",
        metavar="NAME[=EPOCHS]",
        help="a method and its number of epochs; repeatable (default: those of --study, or lsqml=100)",
    )
    parser.add_argument(
        "--study",
        metavar="NAME|FILE",
        help="take from a study its methods with their epochs and options, what they are told of beam and detector, "
        "and what they know of probe and positions (without it: all that the dataset knows is told)",
    )
    network = parser.add_mutually_exclusive_group()
    network.add_argument(
        "--train",
        nargs="?",
        const=_TRAINING,
        metavar="STUDY/VIEW",
        help="for methods that need a network: train one for each reconstruction, only on the patterns of that "
        f"reconstruction, with the budget of a study and the groups of a view of all positions (no value: {_TRAINING})",
    )
    network.add_argument("--bundle", type=Path, metavar="FILE", help="for methods that need a network: a trained one")
    parser.add_argument(
        "--probe",
        metavar="true|estimated",
        help="estimated refines the dataset's probe (default without --study), true keeps it fixed",
    )
    parser.add_argument(
        "--positions",
        metavar="given|estimated",
        help="estimated lets methods that can refine the dataset's positions, given takes them as they are (default "
        "without --study)",
    )
    parser.add_argument(
        "--held-out",
        type=float,
        default=0.1,
        metavar="FRACTION",
        help="fraction of the patterns that no method sees and that judge the methods (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=654, metavar="N", help="seed of every random choice (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads of torch (default: chosen by torch)")
    add_hub(parser)
    add_quiet(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.extras import INFERENCE, TRAINING, require

    require("ptyproof assess", (*INFERENCE, "matplotlib") if args.train is None else TRAINING)
    from ptyproof.assessment.assess import ASSESSMENT, assess, describe
    from ptyproof.assessment.own_training import OwnTraining
    from ptyproof.methods.registry import registry
    from ptyproof.study.builtin import builtin_study
    from ptyproof.study.toml_form import load_study
    from ptyproof.training.device import RunOptions

    design = builtin_study("fly001") if args.study is None else load_study(args.study)
    plan = _plan(args, None if args.study is None else design)
    epochs = {} if args.study is None else {one.name: one.epochs for one in design.reconstruction.methods}
    known = registry(design)
    tasks = [_task(text, known, epochs) for text in args.method or epochs or ["lsqml=100"]]
    options = RunOptions(accelerator="cpu", threads=args.threads)
    network = args.bundle if args.train is None else OwnTraining.named(args.train)
    record = assess(args.dataset, args.out, tasks, plan, options, network, console(args))
    for line in describe(record):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"record: {args.out / ASSESSMENT}\n")
    return 1 if any(entry["status"] != "success" for entry in record["methods"]) else 0


def _plan(args: argparse.Namespace, design: StudyDesign | None) -> AssessmentPlan:
    from ptyproof.assessment.assess import AssessmentPlan
    from ptyproof.io.knowledge import KNOWLEDGE, UNCERTAIN_POSITIONS

    probe = "estimated" if design is None else design.reconstruction.probe_knowledge
    told: tuple[Tell, ...] = KNOWLEDGE if design is None else design.tells
    return AssessmentPlan(
        args.probe or probe,
        args.held_out,
        args.seed,
        positions=args.positions or ("estimated" if UNCERTAIN_POSITIONS in told else "given"),
        tells=tuple(word for word in KNOWLEDGE if word in told),
    )


def _task(text: str, known: Registry, of_study: Mapping[str, int | None]) -> Task:
    from ptyproof.assessment.assess import Task
    from ptyproof.errors import InputError
    from ptyproof.reconstruction.method import MAX_EPOCHS

    name, equals, epochs = text.partition("=")
    whole = epochs.isascii() and epochs.isdigit() and len(epochs) < _MAX_DIGITS and int(epochs) > 0
    if equals and not (whole and int(epochs) <= MAX_EPOCHS):
        raise InputError(
            f"--method must be NAME or NAME=EPOCHS with a whole number of epochs > 0 and <= {MAX_EPOCHS}, got {text!r}"
        )
    return Task(known[name], int(epochs) if equals else of_study.get(name))
