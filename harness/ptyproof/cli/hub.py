"""`ptyproof hub`: verify an artifact hub, and sign it."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.cli.options import Commands, add_command

if TYPE_CHECKING:
    from ptyproof.checking import Finding

_EXAMPLES = """\
ptyproof hub verify hub
ptyproof hub sign hub --key private.pem        # an in-toto test result, hub/hub.intoto.jsonl
ptyproof hub verify hub --key public.pem       # sound, and signed by the owner of this key
ptyproof check hub                    # the same verdict, by file, with advice, and with --format json
pytest hub                            # the same, with a test item for each file
ptyproof explain PM901                # why a check exists, and how to fix what it found"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands, "hub", "verify an artifact hub (files, index, manifests, bundles, skips), or sign it", _EXAMPLES
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    verify = actions.add_parser(
        "verify",
        help="print a line for each finding, `FILE: error PM303 at PLACE: what is wrong`; exit status 0 if no error",
    )
    verify.add_argument("hub", type=Path, metavar="DIR", help="artifact hub, a folder with hub.json")
    verify.add_argument(
        "--key", type=Path, metavar="PUBLIC", help="also verify the signed statement with this public ed25519 key"
    )
    verify.set_defaults(run=_verify)
    sign = actions.add_parser("sign", help="write a signed statement about a sound hub beside its index")
    sign.add_argument("hub", type=Path, metavar="DIR", help="artifact hub, a folder with hub.json")
    sign.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        required=True,
        help="private ed25519 key without a passphrase, PEM or OpenSSH; not in the hub",
    )
    sign.set_defaults(run=_sign)


def _verify(args: argparse.Namespace) -> int:
    from ptyproof.checking.hub import judge_hub
    from ptyproof.errors import RunError

    judged = judge_hub(args.hub)
    signed, statement = _signed(args.hub, args.key)
    findings = [*judged.findings, *signed]
    errors = [*judged.errors, *signed]
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    counts = Counter(finding.severity for finding in findings)
    beside = "".join(
        f", {name} {counts[severity]}"
        for severity, name in (("warning", "warnings"), ("info", "remarks"))
        if counts[severity]
    )
    if errors:
        sys.stdout.flush()
        files = len({finding.file for finding in errors})
        raise RunError(f"{args.hub} is not sound: errors {len(errors)}{beside}, files with errors {files}")
    sys.stdout.write(f"{args.hub}: sound{beside}; files, manifests and runs match their records{statement}\n")
    return 0


def _signed(hub: Path, key: Path | None) -> tuple[list[Finding], str]:
    """Return what is wrong with the signed statement, and else what it says; nothing without a key."""
    if key is None:
        return [], ""
    from ptyproof.signing.envelope import findings_of

    findings, statement = findings_of(hub, key)
    if findings:
        return findings, ""
    predicate = statement["predicate"]
    tests = ", ".join(
        f"{len(predicate.get(f'{name}Tests', ()))} {said}"
        for name, said in (("passed", "passed"), ("warned", "skipped"), ("failed", "failed"))
    )
    return [], f"; signed with {key}: {predicate['result']}, tests: {tests}"


def _sign(args: argparse.Namespace) -> int:
    from ptyproof.hub.index import STATEMENT
    from ptyproof.signing.envelope import sign_hub

    keyid = sign_hub(args.hub, args.key)
    sys.stdout.write(f"{args.hub / STATEMENT}: signed with the key {keyid}\n")
    return 0
