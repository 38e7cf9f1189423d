"""The parser of the command line, and the one place that turns errors into exit statuses."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO, cast

from ptyproof._version import __version__
from ptyproof.console import Plain
from ptyproof.exit_statuses import sentence_of
from ptyproof.provenance.anonymity import anonymity

# command: module of this package; only the module of the command that runs is imported
COMMANDS = {
    "study": "study",
    "base": "base",
    "import": "importing",
    "export": "exporting",
    "validate": "validate",
    "generate": "generate",
    "overlap": "overlap",
    "train": "train",
    "foundation": "foundation",
    "reconstruct": "reconstruct",
    "compare": "compare",
    "table": "table",
    "diff": "diff",
    "assess": "assess",
    "predict": "predict",
    "certify": "certify",
    "report": "report",
    "hub": "hub",
    "check": "check",
    "explain": "explain",
    "schema": "schema",
    "migrate": "migrate",
    "new-method": "new_method",
    "conformance": "conformance",
    "executor": "executor",
    "docs": "docs",
}
_EPILOG = """\
examples:
  ptyproof generate --base-npz builtin --output-root c
  ptyproof overlap --phase-c-root c --output-root d
  ptyproof train --phase-c-root c --phase-d-root d --artifact-root a
  ptyproof reconstruct --phase-c-root c --phase-d-root d --artifact-root a
  ptyproof study show fly64 > my-study.toml
  ptyproof check training_manifest.json
  ptyproof COMMAND --help

exit status: 0 success; 1 the command ran and something failed; 2 wrong usage or bad input, nothing was written
"""


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser with all commands, or only with the named one, which needs a tenth of the imports."""
    parser = argparse.ArgumentParser(
        prog="ptyproof",
        description="Evidence for ptychography studies: simulate, train, reconstruct, compare, and record every skip.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ptyproof {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in [command] if command in COMMANDS else COMMANDS:
        importlib.import_module(f"ptyproof.cli.{COMMANDS[name]}").add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; errors are one sentence on standard error."""
    words = sys.argv[1:] if argv is None else list(argv)
    with redirect_stdout(cast("TextIO", Plain(sys.stdout))), redirect_stderr(cast("TextIO", Plain(sys.stderr))):
        args = build_parser(words[0] if words else None).parse_args(words)
        return _answered(args, words)


def _answered(args: argparse.Namespace, words: Sequence[str]) -> int:
    try:
        with anonymity(getattr(args, "anonymous", False)):
            return _run(args, words)
    except BrokenPipeError:
        # The reader of the output has gone, as in `ptyproof ... | head`; this is not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Exception, KeyboardInterrupt) as error:
        found = sentence_of(error)
        if found is None:
            raise
        sys.stderr.write(f"ptyproof: error: {found[0]}\n")
        return found[1]


def _run(args: argparse.Namespace, words: Sequence[str]) -> int:
    hub: Path | None = getattr(args, "artifact_hub", None)
    if hub is None:
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    from ptyproof.runs.command import recorded

    trains = getattr(args, "trains", False) and not args.dry_run
    with recorded(hub, words, trains=trains) as run:
        run.exit_status = args.run(args)
        sys.stdout.flush()
    return run.exit_status
