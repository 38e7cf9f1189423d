"""`ptyproof certify`: whether the trainings of a study are reproducible bit for bit."""

from __future__ import annotations

import argparse
from pathlib import Path

from ptyproof.cli.job_phases import cells
from ptyproof.cli.options import Commands, add_command, add_doses, add_quiet, console

_EXAMPLES = """\
ptyproof certify --study fly64-smoke --hub hub
ptyproof certify --hub hub --dose 1000 --view baseline --epochs 2
ptyproof certify --hub hub --mode resume --accelerator cpu
ptyproof certify --hub hub --view dense --threads 1 --other-threads 2

exit status: 0 every attempt was reproduced; 1 an attempt diverged or failed; 2 wrong usage or bad input"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "train jobs twice in fresh processes, compare them bit for bit, and record the result"
    parser = add_command(commands, "certify", summary, _EXAMPLES)
    parser.add_argument(
        "--hub",
        dest="artifact_hub",
        type=Path,
        required=True,
        metavar="DIR",
        help="artifact hub for the certificate, real_run/certificate.json; created if it does not exist",
    )
    parser.add_argument(
        "--study", metavar="NAME|FILE.toml", help="study (default: that of the hub's trainings, and without them fly64)"
    )
    parser.add_argument(
        "--base-npz",
        default="builtin",
        metavar="FILE|builtin",
        help="object, probe and positions for the simulation (default: the built-in base of the study)",
    )
    add_doses(parser)
    parser.add_argument("--view", nargs="+", action="extend", metavar="NAME", help="only these views (default: all)")
    parser.add_argument(
        "--gridsize", type=int, nargs="+", action="extend", metavar="G", help="only these gridsizes (default: all)"
    )
    parser.add_argument(
        "--mode",
        default="twice",
        metavar="twice|resume",
        help="twice: both trainings run to their end; resume: the second is killed after half of the epochs and then "
        "resumed (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="compare only the first N epochs (default: the whole training)"
    )
    parser.add_argument(
        "--accelerator", default="auto", metavar="cpu|gpu|auto", help="auto uses a GPU if there is one (default)"
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads of each job (default: 1)")
    parser.add_argument(
        "--other-threads",
        type=int,
        metavar="N",
        help="CPU threads of the second training, to test whether results depend on it (default: as the first)",
    )
    add_quiet(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.extras import TRAINING, require

    require("ptyproof certify", TRAINING)
    from ptyproof.certificate.certificate import Certificate, all_reproduced, certify_study, study_of
    from ptyproof.certificate.repeat_training import Certification
    from ptyproof.phases.base import load_base
    from ptyproof.study.toml_form import load_study
    from ptyproof.training.device import RunOptions, resolve_accelerator

    said = console(args)
    options = RunOptions(accelerator=args.accelerator, threads=args.threads, logger="none")
    resolve_accelerator(options.accelerator)
    how = Certification(options, args.mode, args.epochs, args.other_threads)
    filters = cells(args)
    design = study_of(args.artifact_hub) if args.study is None else load_study(args.study)
    certificate = Certificate(args.artifact_hub, design)
    attempts = certify_study(certificate, load_base(design, args.base_npz), filters, how, said)
    n_good = sum(attempt["status"] == "reproduced" for attempt in attempts)
    said.say(f"{n_good} of {len(attempts)} attempts reproduced: {certificate.path}")
    return 0 if all_reproduced(attempts) else 1
