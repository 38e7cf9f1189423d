"""`ptyproof check`: check existing manifests."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.cli.options import Commands, add_command

if TYPE_CHECKING:
    from ptyproof.checking.gather import LeftAlone
    from ptyproof.checking.judge import Checked
    from ptyproof.checking.own_kinds import ManifestKind
    from ptyproof.io.file_digests import FileDigests

_EXAMPLES = """\
ptyproof check training_manifest.json
ptyproof check hub                          # an artifact hub as a whole, as `ptyproof hub verify` does
ptyproof check hub.zip                      # the same of a packed hub
ptyproof check reports                      # every manifest in a folder, and every hub
cat skip_summary.json | ptyproof check -
ptyproof check reports --table              # one row for each file, by time
ptyproof check hub --no-hash --format json
ptyproof check hub --strict --ignore PM503
ptyproof explain PM401                      # why a check exists, and how to fix what it found

exit status: 0 no error; 1 errors found; 2 wrong usage, or an unreadable file"""
_STANDARD_INPUT = "-"


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "check manifests of any kind and generation: report the kind of each and its errors"
    parser = add_command(commands, "check", summary, _EXAMPLES)
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a manifest, a folder (checks its manifests and hubs, ignores other files), a zip file of a hub, or - for "
        "standard input",
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "github"),
        default="text",
        help="text to read, json for programs, github for annotations in a workflow (default: %(default)s)",
    )
    parser.add_argument("--strict", action="store_true", help="treat warnings as errors")
    parser.add_argument(
        "--select", type=_codes, action="extend", metavar="CODE", help="only these codes: PM401, or PM4 for a group"
    )
    parser.add_argument("--ignore", type=_codes, action="extend", metavar="CODE", help="all codes except these")
    parser.add_argument(
        "--no-hash",
        action="store_true",
        help="do not read the files that manifests name; only check that they exist",
    )
    parser.add_argument(
        "--manifest-only",
        action="store_true",
        help="read only the manifests, for manifests without their artifacts",
    )
    parser.add_argument(
        "--root",
        type=Path,
        metavar="DIR",
        help="read named files only in this folder (default: the artifact hub, or else the folder of each manifest)",
    )
    parser.add_argument(
        "--schema",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.json",
        help="a JSON Schema for your own kind of manifest; repeatable",
    )
    parser.add_argument("--all", action="store_true", help="show all places of a code, not only the first three")
    parser.add_argument(
        "--table",
        action="store_true",
        help="one row for each file, ordered by recorded time: kind, generation, verdict, code of the worst finding",
    )
    parser.add_argument("--verbose", action="store_true", help="also list ignored files")
    parser.set_defaults(run=_run)


def _codes(text: str) -> list[str]:
    from ptyproof.checking.model.codes import codes

    found = [part.strip().upper() for part in text.split(",")]
    for part in found:
        if not part or not any(code.startswith(part) for code in codes()):
            raise argparse.ArgumentTypeError(
                f"{part!r} is not a code or the beginning of one; `ptyproof explain` lists them"
            )
    return found


def _run(args: argparse.Namespace) -> int:
    from ptyproof.checking import output
    from ptyproof.errors import InputError

    if args.root is not None and not args.root.is_dir():
        raise InputError(f"--root {args.root} is no folder")
    if args.table and args.format != "text":
        raise InputError(f"--table is text; --format {args.format} has time and verdict of each file without it")
    with _rare_collection():
        judged, left = _judge(args)
    if not judged:
        others = "".join(f"; {said}" for said in output.what_was_left(left))
        raise InputError(f"no manifest found in {', '.join(args.paths)}{others}")
    if args.format == "json":
        from ptyproof.io.strict_json import format_json

        sys.stdout.write(format_json(output.as_json(judged, left)))
    elif args.format == "github":
        sys.stdout.writelines(map(output.as_annotations, judged))
        sys.stderr.write((output.listed(left) if args.verbose else "") + output.summary(judged, left))
    else:
        _write_text(args, judged, left)
    return _status(judged, args.strict)


def _write_text(args: argparse.Namespace, judged: list[Checked], left: LeftAlone) -> None:
    from ptyproof.checking import output, table

    advised: set[str] = set()
    if args.table:
        sys.stdout.write(f"{table.as_table(judged)}\n")
    else:
        sys.stdout.writelines(f"{output.as_text(checked, args.all, advised)}\n" for checked in judged)
    if args.verbose:
        sys.stdout.write(output.listed(left))
    sys.stdout.write(output.summary(judged, left))


@contextmanager
def _rare_collection() -> Iterator[None]:
    """Collect garbage rarely: nothing here makes cycles, and a thousand files leave many live objects."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _judge(args: argparse.Namespace) -> tuple[list[Checked], LeftAlone]:
    """Return the verdicts with the selected findings, and the files that were not checked."""
    from ptyproof.checking.gather import LeftAlone, gather, is_named_like_a_manifest, not_entered
    from ptyproof.checking.judge import check_manifest
    from ptyproof.checking.own_kinds import from_schema
    from ptyproof.io.file_digests import FileDigests
    from ptyproof.io.unpacking import is_packed

    kinds = [from_schema(path) for path in args.schema]
    digests = FileDigests()
    judged: list[Checked] = []
    left_alone: list[str] = []
    if _STANDARD_INPUT in args.paths:
        judged.append(_standard_input(kinds))
    paths = [Path(text) for text in args.paths if text != _STANDARD_INPUT]
    for path, named in gather(paths):
        if path.is_dir() or is_packed(path):
            hub, others = _hub(path, args, digests, kinds)
            judged += hub
            left_alone += others
            continue
        checked = check_manifest(
            path,
            hash_files=not args.no_hash,
            manifest_only=args.manifest_only,
            digests=digests,
            home=args.root,
            kinds=kinds,
        )
        if checked.kind is None and not named and not checked.named.n and not is_named_like_a_manifest(path):
            left_alone.append(str(path))
        else:
            judged.append(checked)
    left = LeftAlone(tuple(left_alone), tuple(map(str, not_entered(paths))))
    return [_wanted(checked, args.select, args.ignore) for checked in judged], left


def _hub(
    root: Path, args: argparse.Namespace, digests: FileDigests, kinds: list[ManifestKind]
) -> tuple[list[Checked], list[str]]:
    """Return the verdicts on the files of an artifact hub, and its JSON files that are not manifests.

    The hub may be a zip file: its files are named as if it were a folder.
    """
    # imported here, because most checked files are not hubs
    from dataclasses import replace

    from ptyproof.checking.hub import judge_hub
    from ptyproof.hub.index import INDEX
    from ptyproof.io.unpacking import is_packed, unpacked

    with unpacked(root, INDEX) if is_packed(root) else nullcontext(root) as folder:
        judged = judge_hub(
            folder,
            hash_files=not args.no_hash,
            manifest_only=args.manifest_only,
            digests=None if is_packed(root) else digests,
            home=None if is_packed(root) else args.root,
            kinds=kinds,
        )
        named = replace(judged, root=root)
        return named.by_file(), [str(root / name) for name in named.left_alone]


def _standard_input(kinds: list[ManifestKind]) -> Checked:
    from ptyproof.checking.judge import judge
    from ptyproof.checking.model.loading import load_bytes
    from ptyproof.io.strict_json import MAX_BYTES

    return judge(load_bytes(sys.stdin.buffer.read(MAX_BYTES + 1)), "standard input", kinds=kinds)


def _wanted(checked: Checked, select: list[str] | None, ignore: list[str] | None) -> Checked:
    from dataclasses import replace

    def passes(code: str) -> bool:
        return (select is None or code.startswith(tuple(select))) and not code.startswith(tuple(ignore or ()))

    return replace(checked, findings=tuple(finding for finding in checked.findings if passes(finding.code)))


def _status(judged: list[Checked], strict: bool) -> int:
    worst = {finding.severity for checked in judged for finding in checked.findings}
    if any(finding.code in ("PM001", "PM002") for checked in judged for finding in checked.findings):
        return 2
    return 1 if "error" in worst or (strict and "warning" in worst) else 0
