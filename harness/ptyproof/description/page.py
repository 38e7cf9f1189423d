"""The page for people in an exported hub: what it is, what ran, what was skipped, and how to verify it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ptyproof.description.action import counted
from ptyproof.description.crate import FORMAT
from ptyproof.hub.index import CRATE, INDEX, STATEMENT
from ptyproof.hub.layout import COMPARISON, RECONSTRUCTION, REPORT, RUN, SUMMARY, TRAINING, cell_and_reason
from ptyproof.hub.results import runs_with_a_result
from ptyproof.markdown import block, code, table, text
from ptyproof.provenance.revision import NO_CODE, digest_of_files

Record = Mapping[str, Any]
_ACCOUNTS = {TRAINING: "trainings", RECONSTRUCTION: "reconstructions", COMPARISON: "comparisons with the truth"}
_SKIPS = ((TRAINING, "skipped_views"), (RECONSTRUCTION, "skipped"))
_MANY = 40
_BUILTIN = "builtin:"
_TELLING = ("passed", "failed", "skipped", "error", "not_run")
PUBLIC_KEY = "../public.pem"  # a file in the hub that its index does not have is an error
COMPARE_FILES = f"""\
python3 - <<'END'
import hashlib, json, pathlib
for file in json.load(open("{INDEX}"))["files"]:
    path = pathlib.Path(file["path"])
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
    print("ok" if found == file["sha256"] else "CHANGED", path)
END"""
UNPACK_STATEMENT = f"""\
work=$(mktemp -d)
python3 - "$work" <<'END'
import base64, json, pathlib, sys
work, number = pathlib.Path(sys.argv[1]), 0
for line in open("{STATEMENT}"):
    envelope = json.loads(line)
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    for signature in envelope["signatures"]:
        number += 1
        (work / f"{{number}}.signed").write_bytes(signed)
        (work / f"{{number}}.signature").write_bytes(base64.b64decode(signature["sig"]))
        statement = json.loads(payload)
        print(number, "key", signature["keyid"], "is about", statement["subject"][0]["digest"]["sha256"])
END
for signed in "$work"/*.signed; do
    basename "$signed" .signed
    openssl pkeyutl -verify -pubin -inkey {PUBLIC_KEY} -rawin -in "$signed" -sigfile "${{signed%.signed}}.signature"
done
sha256sum {INDEX}"""


def first_line(digest: str) -> str:
    """Return the first line of a page, which says of which index it is."""
    return f"<!-- {FORMAT} of {INDEX} {digest} -->"


def page_of(index: Record, manifests: Mapping[str, Record], digest: str) -> str:
    """Return the page as Markdown: a function of the index, the manifests of phases, and the digest of the index."""
    return (
        "\n".join(
            [
                first_line(digest),
                *_what(index, manifests),
                *_ran(index),
                *_skipped(index, manifests),
                *_verify(manifests),
            ]
        )
        + "\n"
    )


def _what(index: Record, manifests: Mapping[str, Record]) -> Iterator[str]:
    first = next(iter(manifests.values()), None)
    yield "# Artifact hub" if first is None else f"# Artifact hub of the study {text(first['study'])}"
    yield ""
    yield "This folder has the records of a study in ptychography: what ran, on which data, with which code and result."
    yield f"{code(INDEX)} is the index: every run, and every file with its sha256. {code(SUMMARY)} is a summary in"
    yield f"text, {code(REPORT)} (where it is there) a page with pictures. {code(CRATE)} describes the same as a"
    yield "research object (RO-Crate). It may name a license and a person whom no record knows."
    yield ""
    yield f"- written {index['timestamp']} by {text(index['tool']['name'])} {text(index['tool']['version'])}"
    if first is not None:
        yield f"- design {code(first['design_digest'])}"
    yield from (
        f"- {name}: {counted(manifests[place]['account'])}"
        for place, name in _ACCOUNTS.items()
        if _has(manifests, place)
    )
    yield ""


def _has(manifests: Mapping[str, Record], place: str) -> bool:
    return "account" in manifests.get(place, {})


def _ran(index: Record) -> Iterator[str]:
    yield "## What ran"
    yield ""
    rows = [
        [run["id"], *(run[key] for key in ("started", "ended", "exit_status")), _outcomes(run), _revision(run)]
        for run in index["runs"]
    ]
    yield from table(["run", "started", "ended", "exit status", "outcomes", "code"], rows[-_MANY:])
    if len(rows) > _MANY:
        yield f"\n{len(rows) - _MANY} earlier runs are in {code(INDEX)}."
    yield ""


def _skipped(index: Record, manifests: Mapping[str, Record]) -> Iterator[str]:
    """Yield each reason of skips once, with how many trainings, reconstructions and tests it kept from running."""
    yield "## What was skipped"
    yield ""
    counts = [Counter(entry["reason"] for entry in manifests.get(place, {}).get(key, ())) for place, key in _SKIPS]
    runs = runs_with_a_result(index["runs"])[-1:]
    counts.append(Counter(cell_and_reason(skip)[1] for run in runs for skip in run["skips"]))
    rows = [[*(count[reason] for count in counts), reason] for reason in sorted(set().union(*counts))]
    head = ["trainings", "reconstructions", "tests of the newest run with a result", "reason"]
    yield from table(head, rows[:_MANY])
    if len(rows) > _MANY:
        yield f"\n{len(rows) - _MANY} more reasons are in the manifests."
    if not rows:
        yield "Nothing."
    yield ""


def _outcomes(run: Record) -> str:
    return ", ".join(
        f"{run['outcomes'][name]} {name.replace('_', ' ')}" for name in _TELLING if name in run["outcomes"]
    )


def _revision(run: Record) -> str:
    revision = run["revision"]
    if revision["commit"] is None:
        digest = digest_of_files(revision["code_sha256"])
        return NO_CODE if digest is None else f"sha256 {digest[:16]}"
    return f"commit {revision['commit']}" + (" with uncommitted changes" if revision["uncommitted_sha256"] else "")


def _verify(manifests: Mapping[str, Record]) -> Iterator[str]:
    yield "## How to verify it"
    yield ""
    yield "With ptyproof, a folder or a zip file alike; each exits with status 0 if it finds no error. The public key"
    yield f"lies outside of this folder, here as {code(PUBLIC_KEY)}:"
    yield ""
    yield block(
        [
            "pip install 'pytest-ptyproof[sign]'",
            "ptyproof hub verify .                       # every file, account and reference",
            f"ptyproof hub verify . --key {PUBLIC_KEY}   # also the signature of the owner of this key",
            "ptyproof check .                            # the same by file, with advice",
            "ptyproof diff LAST_MONTH.zip THIS_MONTH.zip # what changed, and what got worse",
        ],
        "sh",
    )
    yield ""
    yield f"Without ptyproof: whether each file is the one that {code(INDEX)} has:"
    yield ""
    yield block([COMPARE_FILES], "sh")
    yield ""
    yield f"Whether {code(STATEMENT)}, if it is there, was signed by the owner of the ed25519 key {code(PUBLIC_KEY)}:"
    yield "openssl must accept one of the numbered signatures, and the line of its number must have the sha256 of the"
    yield "last line. The key must come from its owner, not with this folder. What the statement says beside the sha256"
    yield f"is compared with the records by {code('ptyproof hub verify')} alone:"
    yield ""
    yield block([UNPACK_STATEMENT], "sh")
    yield ""
    yield f"A signature covers {code(INDEX)} and every file that it lists, but not this page and {code(CRATE)}."
    yield f"{code('ptyproof hub verify')} makes both again from the records and reports each difference. Datasets that"
    yield "manifests name may have been left out; their sha256 is in the manifests."
    base = manifests.get(RUN, {}).get("base", {}).get("name", "")
    if base.startswith(_BUILTIN):
        yield ""
        yield "The simulation can be repeated, because its base is built in; of a study that is not built in, name the"
        yield "file instead:"
        yield ""
        study = shlex.quote(manifests[RUN]["study"])
        yield block([f"ptyproof generate --base-npz builtin --study {study} --output-root ../phase_c"], "sh")
