"""`ptyproof hub`: verify an artifact hub, sign it, export it, and merge several."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.cli.options import Commands, add_command

if TYPE_CHECKING:
    from ptyproof.checking import Finding

_EXAMPLES = """\
ptyproof hub verify hub
ptyproof hub sign hub --key private.pem        # an in-toto test result, hub/hub.intoto.jsonl
ptyproof hub verify hub --key public.pem       # sound, and signed by the owner of this key
ptyproof hub sign hub --sigstore               # by an identity instead of a key, hub/hub.sigstore.json
ptyproof hub verify hub --sigstore --identity me@example.org --issuer https://accounts.example.org
ptyproof hub export hub --format ro-crate hub.zip       # a research object, for a repository of data
ptyproof hub export hub --format ctrf report.json       # for a dashboard of tests
ptyproof hub merge united hub-a hub-b          # hubs of one design, made on several machines
ptyproof check hub                    # the same verdict, by file, with advice, and with --format json
pytest hub                            # the same, with a test item for each file
ptyproof explain PM901                # why a check exists, and how to fix what it found"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "hub",
        "verify an artifact hub (files, index, manifests, bundles, skips); sign, export or merge it",
        _EXAMPLES,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add_verify(actions)
    _add_sign(actions)
    _add_export(actions)
    _add_merge(actions)


def _add_verify(actions: Commands) -> None:
    verify = actions.add_parser(
        "verify",
        help="print a line for each finding, `FILE: error PM303 at PLACE: what is wrong`; exit status 0 if no error",
    )
    verify.add_argument("hub", type=Path, metavar="DIR", help="artifact hub, a folder with hub.json")
    verify.add_argument(
        "--key", type=Path, metavar="PUBLIC", help="also verify the signed statement with this public ed25519 key"
    )
    verify.add_argument(
        "--sigstore", action="store_true", help="also verify the statement signed by an identity; asks the network"
    )
    verify.add_argument("--identity", metavar="ID", help="who must have signed: an address, or the URL of a workflow")
    verify.add_argument("--issuer", metavar="URL", help="the OpenID provider that vouches for the identity")
    verify.add_argument(
        "--offline", action="store_true", help="use the certificates and keys of Sigstore that are on this machine"
    )
    _add_trust(verify)
    verify.set_defaults(run=_verify)


def _add_sign(actions: Commands) -> None:
    sign = actions.add_parser("sign", help="write a signed statement about a sound hub beside its index")
    sign.add_argument("hub", type=Path, metavar="DIR", help="artifact hub, a folder with hub.json")
    how = sign.add_mutually_exclusive_group(required=True)
    how.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="private ed25519 key without a passphrase, PEM or OpenSSH; not in the hub",
    )
    how.add_argument(
        "--sigstore",
        action="store_true",
        help="sign by the identity of the CI job, or log in with a browser; the network is asked, and the identity and "
        "the signature become public in a log",
    )
    sign.add_argument("--identity-token", type=Path, metavar="FILE", help="with --sigstore: OpenID token in a file")
    _add_trust(sign)
    sign.set_defaults(run=_sign)


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trust-config",
        type=Path,
        metavar="FILE",
        help="with --sigstore: client trust configuration of an instance of your own (default: the public instance)",
    )


def _add_export(actions: Commands) -> None:
    export = actions.add_parser("export", help="write a sound hub in a format of other programs")
    export.add_argument("hub", type=Path, metavar="DIR", help="artifact hub, a folder with hub.json; it stays as it is")
    export.add_argument(
        "--format",
        choices=("ro-crate", "ctrf"),
        required=True,
        help="ro-crate: the hub's files with a description as a Process Run Crate 0.5; ctrf: a report of the tests",
    )
    export.add_argument(
        "out",
        type=Path,
        metavar="OUT",
        help="new folder, or new zip file if the name ends with .zip; of ctrf a new JSON file",
    )
    export.add_argument(
        "--license", metavar="TEXT", help="ro-crate: URL or name of the license (default: it says that none was stated)"
    )
    export.add_argument(
        "--agent", metavar="NAME", help="ro-crate: name or ORCID of the person who made the runs (default: not named)"
    )
    export.add_argument(
        "--run",
        dest="test_run",
        metavar="ID",
        help="ctrf: the run that is reported (default: the newest real run, else run of tests)",
    )
    export.add_argument("--unsound", action="store_true", help="export a hub with errors; the export names them")
    export.set_defaults(run=_export)


def _add_merge(actions: Commands) -> None:
    merge = actions.add_parser("merge", help="unite sound hubs of one design, made on several machines, in a new one")
    merge.add_argument("out", type=Path, metavar="OUT", help="new folder")
    merge.add_argument("hubs", type=Path, nargs="+", metavar="HUB", help="two hubs or more; they stay as they are")
    merge.add_argument(
        "--prefer",
        choices=("first", "last"),
        help="the hub that stands where results or files differ (default: differences are refused)",
    )
    merge.set_defaults(run=_merge)


def _verify(args: argparse.Namespace) -> int:
    from ptyproof.checking.hub import judge_hub
    from ptyproof.errors import RunError

    judged = judge_hub(args.hub)
    signed, statement = _signed(args)
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


def _signed(args: argparse.Namespace) -> tuple[list[Finding], str]:
    """Return what is wrong with the signed statements that were asked for, and else what they say."""
    from ptyproof.hub.index import CRATE

    _refuse_without_sigstore(args, "identity", "issuer", "trust_config", "offline")
    found: list[Finding] = []
    said = ""
    if args.key is not None:
        from ptyproof.signing.envelope import findings_of

        findings, statement = findings_of(args.hub, args.key)
        found += findings
        said += "" if findings else _said(statement, str(args.key))
    if args.sigstore:
        from ptyproof.errors import InputError
        from ptyproof.signing.identity import Trust, findings_by_identity

        if args.identity is None or args.issuer is None:
            raise InputError("--sigstore needs --identity and --issuer: anyone can sign a hub by an identity")
        trust = Trust(args.trust_config, args.offline)
        findings, statement = findings_by_identity(args.hub, args.identity, args.issuer, trust)
        found += findings
        said += "" if findings else _said(statement, f"the identity {args.identity}")
    if said and (args.hub / CRATE).is_file():
        said += f"; not signed: {CRATE}"  # it describes the index, so the index cannot have it
    return found, said


def _said(statement: Mapping[str, Any], signer: str) -> str:
    predicate = statement["predicate"]
    tests = ", ".join(
        f"{len(predicate.get(f'{name}Tests', ()))} {said}"
        for name, said in (("passed", "passed"), ("warned", "skipped"), ("failed", "failed"))
    )
    return f"; signed with {signer}: {predicate['result']}, tests: {tests}"


def _sign(args: argparse.Namespace) -> int:
    from ptyproof.hub.index import BUNDLE, STATEMENT

    _refuse_without_sigstore(args, "identity_token", "trust_config")
    if args.sigstore:
        from ptyproof.signing.identity import Trust, sign_by_identity

        who = sign_by_identity(args.hub, args.identity_token, Trust(args.trust_config))
        sys.stdout.write(f"{args.hub / BUNDLE}: signed by {who}\n")
        return 0
    from ptyproof.signing.envelope import sign_hub

    keyid = sign_hub(args.hub, args.key)
    sys.stdout.write(f"{args.hub / STATEMENT}: signed with the key {keyid}\n")
    return 0


def _refuse_without_sigstore(args: argparse.Namespace, *names: str) -> None:
    from ptyproof.errors import InputError

    for name in names:
        if getattr(args, name) and not args.sigstore:
            raise InputError(f"--{name.replace('_', '-')} belongs to --sigstore, which is not given")


def _export(args: argparse.Namespace) -> int:
    from ptyproof.errors import InputError

    of_other = {"ro-crate": {"run": args.test_run}, "ctrf": {"license": args.license, "agent": args.agent}}
    for name, value in of_other[args.format].items():
        if value is not None:
            raise InputError(f"--{name} does not belong to --format {args.format}")
    if args.format == "ctrf":
        from ptyproof.exchange.ctrf import export_ctrf

        n = export_ctrf(args.hub, args.out, run=args.test_run, unsound=args.unsound)
        sys.stdout.write(f"{args.out}: {n} tests of {args.hub}\n")
        return 0
    from ptyproof.exchange.export import export_crate
    from ptyproof.hub.index import CRATE

    n = export_crate(args.hub, args.out, unsound=args.unsound, license=args.license, agent=args.agent)
    sys.stdout.write(f"{args.out}: {n} files of {args.hub} and {CRATE}\n")
    return 0


def _merge(args: argparse.Namespace) -> int:
    from ptyproof.exchange.actions import counted
    from ptyproof.exchange.merge import merge_hubs

    merged = merge_hubs(args.out, args.hubs, args.prefer)
    sys.stdout.writelines(f"differed, {args.prefer} stands: {what}\n" for what in merged.decided)
    sys.stdout.writelines(f"{args.out / name}: {counted(account)}\n" for name, account in merged.accounts.items())
    root, work = args.out / "real_run", args.out / "work"
    if merged.lacks_comparison:
        roots = ["--artifact-root", root, "--phase-c-root", work / "phase_c", "--phase-d-root", work / "phase_d"]
        _say_what_to_do("not merged, make it again", "compare", *roots)
    _say_what_to_do("not merged, make it again", "report", "--hub", args.out)
    if merged.lacks_signature:
        _say_what_to_do("not merged, a statement is about one index", "hub", "sign", args.out, "--key", "FILE")
    return 0


def _say_what_to_do(why: str, *words: object) -> None:
    sys.stdout.write(f"{why}: ptyproof {shlex.join(map(str, words))}\n")
