"""`ptyproof schema`: print the schema of a kind of manifest, or list the kinds."""

from __future__ import annotations

import argparse
import sys

from ptyproof.cli.options import Commands, add_command

_EXAMPLES = """\
ptyproof schema                                # the kinds
ptyproof schema training_manifest
ptyproof schema legacy_training_manifest_e6
ptyproof schema training_manifest --bundled > training_manifest.schema.json"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands, "schema", "print the JSON Schema of a kind of manifest, or list the kinds", _EXAMPLES
    )
    parser.add_argument("kind", nargs="?", metavar="KIND", help="kind of manifest (default: list all kinds)")
    parser.add_argument("--major", type=int, metavar="N", help="major version of the kind (default: the newest)")
    parser.add_argument(
        "--bundled", action="store_true", help="include all referenced schemas, for editors and other validators"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.errors import InputError
    from ptyproof.io import schema_files
    from ptyproof.io.strict_json import format_json

    if args.kind is None:
        for kind, major in schema_files.kinds():
            sys.stdout.write(f"{kind} {major}: {schema_files.load_schema(kind, major)['title']}\n")
        return 0
    majors = [major for kind, major in schema_files.kinds() if kind == args.kind]
    if not majors:
        raise InputError(f"unknown kind {args.kind}; `ptyproof schema` lists all kinds")
    read = schema_files.bundled if args.bundled else schema_files.load_schema
    sys.stdout.write(format_json(read(args.kind, args.major or max(majors))))
    return 0
