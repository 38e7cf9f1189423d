"""`ptyproof hub verify`: whether a hub is sound, who signed it, and what their signatures cover."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.cli.options import Commands

if TYPE_CHECKING:
    from ptyproof.signing.payload import Verdict
    from ptyproof.signing.verification import Verification

_SEVERITIES = (("warning", "warnings"), ("info", "remarks"))


def add_parser(actions: Commands) -> None:
    """Add the action to those of `ptyproof hub`."""
    verify = actions.add_parser(
        "verify",
        help="print a line for each finding, `FILE: error PM303 at PLACE: what is wrong`; exit status 0 if no error",
    )
    verify.add_argument("hub", type=Path, metavar="HUB", help="artifact hub: folder with hub.json, or zip file of one")
    verify.add_argument(
        "--key",
        type=Path,
        metavar="PUBLIC",
        help="also verify the signed statement with this public ed25519 key, and say what it covers",
    )
    verify.add_argument(
        "--sigstore", action="store_true", help="also verify the statement signed by an identity; asks the network"
    )
    verify.add_argument("--identity", metavar="ID", help="who must have signed: an address, or the URL of a workflow")
    verify.add_argument("--issuer", metavar="URL", help="the OpenID provider that vouches for the identity")
    verify.add_argument(
        "--offline", action="store_true", help="use the certificates and keys of Sigstore that are on this machine"
    )
    add_trust(verify)
    verify.add_argument(
        "--format", choices=("text", "json"), default="text", help="text to read, json for programs (default: text)"
    )
    verify.set_defaults(run=_run)


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which instance of Sigstore is trusted."""
    parser.add_argument(
        "--trust-config",
        type=Path,
        metavar="FILE",
        help="with --sigstore: client trust configuration of an instance of your own (default: the public instance)",
    )


def refuse_without_sigstore(args: argparse.Namespace, *names: str) -> None:
    """Refuse options of an identity where no identity is asked for.

    Raises
    ------
    InputError
        Names the option.
    """
    from ptyproof.errors import InputError

    for name in names:
        if getattr(args, name) and not args.sigstore:
            raise InputError(f"--{name.replace('_', '-')} belongs to --sigstore, which is not given")


def _run(args: argparse.Namespace) -> int:
    from ptyproof.hub.index import INDEX
    from ptyproof.io.unpacking import is_packed, unpacked

    refuse_without_sigstore(args, "identity", "issuer", "trust_config", "offline")
    if not is_packed(args.hub):
        return _verify(args, args.hub)
    with unpacked(args.hub, INDEX) as folder:
        return _verify(args, folder)


def _verify(args: argparse.Namespace, root: Path) -> int:
    from dataclasses import replace

    from ptyproof.checking.hub import judge_hub
    from ptyproof.errors import RunError
    from ptyproof.io.strict_json import format_json
    from ptyproof.signing.stale import stale_statements
    from ptyproof.signing.verification import Verification

    verdicts = list(_verdicts(args, root))
    stale = [] if verdicts else list(stale_statements(root))
    found = Verification(replace(judge_hub(root), root=args.hub), verdicts, stale)
    if args.format == "json":
        sys.stdout.write(format_json(found.as_dict()))
    else:
        sys.stdout.writelines(f"{finding}\n" for finding in found.findings)
    beside = _beside(found)
    if found.errors:
        sys.stdout.flush()
        files = len({finding.file for finding in found.errors})
        raise RunError(f"{args.hub} is not sound: errors {len(found.errors)}{beside}, files with errors {files}")
    if args.format == "text":
        sys.stdout.write(f"{args.hub}: sound{beside}; files, manifests and runs match their records\n")
        sys.stdout.writelines(f"{line}\n" for line in found.lines())
    return 0


def _verdicts(args: argparse.Namespace, root: Path) -> Iterator[Verdict]:
    """Yield the verdict of the key and of the identity that were named."""
    if args.key is not None:
        from ptyproof.signing.envelope import verdict_of

        yield verdict_of(root, args.key)
    if args.sigstore:
        from ptyproof.errors import InputError
        from ptyproof.signing.identity import Trust, verdict_by_identity

        if args.identity is None or args.issuer is None:
            raise InputError("--sigstore needs --identity and --issuer: anyone can sign a hub by an identity")
        yield verdict_by_identity(root, args.identity, args.issuer, Trust(args.trust_config, args.offline))


def _beside(found: Verification) -> str:
    counts = Counter(finding.severity for finding in found.findings)
    return "".join(f", {name} {counts[severity]}" for severity, name in _SEVERITIES if counts[severity])
