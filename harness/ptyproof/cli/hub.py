"""`ptyproof hub`: verify an artifact hub, sign it, export it, merge several, and copy one without private names."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.cli import verification
from ptyproof.cli.options import Commands, add_command

if TYPE_CHECKING:
    pass

_EXAMPLES = """\
ptyproof hub verify hub
ptyproof hub sign hub --key private.pem        # an in-toto test result, hub/hub.intoto.jsonl
ptyproof hub sign hub --key private.pem --signer 'Ada Lovelace <ada@example.org>'
ptyproof hub verify hub --key public.pem       # sound, and signed by the owner of this key; what is covered
ptyproof hub verify hub.zip --key public.pem   # the same of a packed hub
ptyproof hub sign hub --sigstore               # by an identity instead of a key, hub/hub.sigstore.json
ptyproof hub verify hub --sigstore --identity me@example.org --issuer https://accounts.example.org
ptyproof hub export hub --format ro-crate hub.zip       # a research object, for a repository of data
ptyproof hub export hub --format ctrf report.json       # for a dashboard of tests
ptyproof hub merge united hub-a hub-b          # hubs of one design, made on several machines
ptyproof hub anonymise hub copy                # a copy without the names of machines, users and folders
ptyproof check hub                    # the same verdict, by file, with advice, and with --format json
pytest hub                            # the same, with a test item for each file
ptyproof explain PM901                # why a check exists, and how to fix what it found"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "hub",
        "verify an artifact hub (files, index, manifests, bundles, skips); sign, export, merge or anonymise it",
        _EXAMPLES,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    verification.add_parser(actions)
    _add_sign(actions)
    _add_export(actions)
    _add_merge(actions)
    _add_anonymise(actions)


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
    sign.add_argument(
        "--signer",
        metavar="NAME",
        help="who signs, NAME or 'NAME <mail or ORCID iD>', as the statement is to say (default: it names no person)",
    )
    sign.add_argument("--identity-token", type=Path, metavar="FILE", help="with --sigstore: OpenID token in a file")
    verification.add_trust(sign)
    sign.set_defaults(run=_sign)


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
        "--agent",
        metavar="NAME",
        help="ro-crate: who made the runs, NAME, an ORCID iD or 'NAME <mail or ORCID iD>' (default: not named)",
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


def _add_anonymise(actions: Commands) -> None:
    anonymise = actions.add_parser("anonymise", help="write a copy of a sound hub without the names of its machines")
    anonymise.add_argument(
        "hub", type=Path, metavar="HUB", help="artifact hub, a folder with hub.json; it stays as it is"
    )
    anonymise.add_argument("out", type=Path, metavar="OUT", help="new folder")
    anonymise.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="WORD",
        help="a further name to replace, as of a user, host or folder on another machine; repeatable",
    )
    anonymise.set_defaults(run=_anonymise)


def _sign(args: argparse.Namespace) -> int:
    from ptyproof.hub.index import BUNDLE, STATEMENT
    from ptyproof.provenance.persons import person_of

    verification.refuse_without_sigstore(args, "identity_token", "trust_config")
    signer = None if args.signer is None else person_of(args.signer, "--signer")
    if args.sigstore:
        from ptyproof.signing.identity import Trust, sign_by_identity

        who = sign_by_identity(args.hub, args.identity_token, Trust(args.trust_config), signer)
        sys.stdout.write(f"{args.hub / BUNDLE}: signed by {who}\n")
        return 0
    from ptyproof.signing.envelope import sign_hub

    keyid = sign_hub(args.hub, args.key, signer)
    sys.stdout.write(f"{args.hub / STATEMENT}: signed with the key {keyid}\n")
    return 0


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
    from ptyproof.hub.index import CRATE, PAGE
    from ptyproof.signing.stale import refuse_stale

    refuse_stale(args.hub, "a signature that does not hold is not handed on")
    n = export_crate(args.hub, args.out, unsound=args.unsound, license=args.license, agent=args.agent)
    sys.stdout.write(f"{args.out}: {n} files of {args.hub}, {CRATE} and {PAGE}\n")
    return 0


def _merge(args: argparse.Namespace) -> int:
    from ptyproof.description.action import counted
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


def _anonymise(args: argparse.Namespace) -> int:
    from ptyproof.exchange.anonymise import anonymise_hub
    from ptyproof.hub.layout import CERTIFICATE

    made = anonymise_hub(args.hub, args.out, args.name)
    sys.stdout.writelines(f"replaced: {mark}\n" for mark in sorted(set(made.marks.values())))
    sys.stdout.writelines(f"changed: {name}\n" for name in made.changed)
    for name in made.left_out:
        why = "the trainings that it repeated" if name == CERTIFICATE else "the hub with the names"
        sys.stdout.write(f"left out: {name}, which is about {why}\n")
    sys.stdout.write(f"{args.out}: a copy of {args.hub}, {len(made.changed)} files changed, sound\n")
    return 0


def _say_what_to_do(why: str, *words: object) -> None:
    sys.stdout.write(f"{why}: ptyproof {shlex.join(map(str, words))}\n")
