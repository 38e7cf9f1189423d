"""`ptyproof hub anonymise`: a sound copy in which no private name is left, in any byte, and what it refuses."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.cli.main import main
from ptyproof.hub.index import INDEX, STATEMENT, Hub
from ptyproof.hub.layout import CERTIFICATE, COMPARISON, RECONSTRUCTION, REPORT, SUMMARY
from ptyproof.io.hashing import sha256_file
from ptyproof.study.design import StudyDesign
from tests.helpers.hubs import ENVIRONMENT, places, take_stock
from tests.helpers.messages import names
from tests.helpers.pictures import chunk, png
from tests.helpers.replicates import make_replicate
from tests.helpers.schema_rules import example
from tests.strategies import reconstructions

CPU, GPU = "Markercpu(R) 77 <Core> @ 3 GHz", "MARKERGPU H100"
USER, HOST = "usermarker77", "hostmarker77"
WORDS = [CPU, GPU, USER, HOST, "grövemarker77", "Markercpu", "MARKERGPU", "marker77"]
GIVEN = ["--name", HOST, "--name", "grövemarker77"]


@pytest.fixture(scope="module")
def telling(smoke: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound hub with private names in its records, logs and pages; tests leave it as it is."""
    design = replace(smoke, doses_photons_per_pattern=(1e4,), views=smoke.views[:1])
    root = tmp_path_factory.mktemp("telling") / "hub"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconstructions, "ENVIRONMENT", reconstructions.ENVIRONMENT | {"cpu": CPU, "device": GPU})
        make_replicate(root, design, 1, failed=["pinn"])
    Hub(root).update_run("run-0001", environment=ENVIRONMENT | {"cpu": CPU, "device": f"cuda: {GPU}"})
    (root / "none" / "run-0001.log").write_text(f"{HOST}: {USER} on {CPU}, grövemarker77\n", encoding="utf-8")
    lines = [{"test": "t.py::a", "when": "call", "outcome": "passed", "text": f"{GPU} at {HOST}"}, {"outcome": "whole"}]
    (root / "docs" / "more.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    page = f"<p>Markercpu(R) 77 &lt;Core&gt; @ 3 GHz, {sha256_file(root / RECONSTRUCTION)[:16]}</p>"
    (root / REPORT).write_text(page, encoding="utf-8")
    (root / "docs" / "picture.png").write_bytes(png())
    certificate, manifest = example("certificate", "reproduced.json"), json.loads((root / RECONSTRUCTION).read_text())
    certificate |= {key: manifest[key] for key in ("study", "design_digest")}
    (root / CERTIFICATE).write_text(json.dumps(certificate))
    take_stock(Hub(root))
    assert {finding.severity for finding in verify_hub(root)} == {"warning"}
    return root


@pytest.fixture(autouse=True)
def _user(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a telling name."""
    monkeypatch.setenv("USER", USER)


def everything(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each file, and of the members of archives."""
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            yield from _contents(file.name, file.read_bytes())


def _contents(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, raw
    if raw.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for info in archive.infolist():
                yield from _contents(f"{name}:{info.filename}", archive.read(info))


def private_in(path: Path) -> set[str]:
    """Return the private words in any byte of a file or folder."""
    coded = [(word, word.encode(code)) for word in WORDS for code in ("utf-8", "utf-16-le", "utf-32-le")]
    coded += [(word, json.dumps(word)[1:-1].encode()) for word in WORDS]
    return {word for _, raw in everything(path) for word, form in coded if form in raw}


def digests(root: Path) -> dict[str, str]:
    """Return the digests of the files of a hub."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_no_private_name_is_in_any_byte_of_the_copy_or_its_export(telling: Path, tmp_path: Path) -> None:
    assert private_in(telling) >= {CPU, GPU, USER, HOST}
    before, out, packed = digests(telling), tmp_path / "out", tmp_path / "out.zip"
    assert main(["hub", "anonymise", str(telling), str(out), *GIVEN]) == 0
    assert digests(telling) == before
    assert main(["hub", "export", str(out), "--format", "ro-crate", str(packed)]) == 0
    for path in (out, packed):
        assert private_in(path) == set()
        assert main(["hub", "verify", str(path)]) == 0
        assert main(["check", str(path)]) == 0
    assert {code for _, code, _ in places(verify_hub(out))} == {code for _, code, _ in places(verify_hub(telling))}


def test_records_have_the_marks_of_an_anonymous_run_and_digests_that_fit(telling: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["hub", "anonymise", str(telling), str(out), *GIVEN]) == 0
    (run,) = json.loads((out / INDEX).read_text())["runs"]
    environment = json.loads((out / RECONSTRUCTION).read_text())["jobs"][0]["environment"]
    mark = re.compile(r"left out \([0-9a-f]{12}\)")
    assert mark.fullmatch(run["environment"]["cpu"])
    assert environment["cpu"] == run["environment"]["cpu"]
    assert run["environment"]["device"] == f"cuda: {environment['device']}"
    assert (out / "none/run-0001.log").read_text() == f"{{private}}: {{user}} on {environment['cpu']}, {{private}}\n"
    compared = json.loads((out / COMPARISON).read_text())["reconstruction_manifest"]
    digest = sha256_file(out / RECONSTRUCTION)
    assert (compared["sha256"], compared["size_bytes"]) == (digest, (out / RECONSTRUCTION).stat().st_size)
    assert (out / REPORT).read_text() == f"<p>{environment['cpu']}, {digest[:16]}</p>"
    assert mark.search((out / SUMMARY).read_text())
    same = {name for name, found in digests(out).items() if digests(telling).get(name) == found}
    assert {"docs/picture.png", "work/phase_c/run_manifest.json"} <= same
    assert any(name.endswith("lsqml.npz") for name in same)


def test_a_copy_of_a_copy_has_no_further_change(telling: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["hub", "anonymise", str(telling), str(first), *GIVEN]) == 0
    assert main(["hub", "anonymise", str(first), str(second), *GIVEN]) == 0
    one, other = digests(first), digests(second)
    assert {name for name in one if one[name] != other[name]} <= {INDEX}  # which says when it was written


def test_signatures_and_certificates_are_left_out_and_named(
    telling: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = shutil.copytree(telling, tmp_path / "hub")
    (hub / STATEMENT).write_text("{}\n")
    assert main(["hub", "anonymise", str(hub), str(tmp_path / "out"), *GIVEN]) == 0
    assert names(capsys.readouterr().out, STATEMENT, CERTIFICATE)
    assert not (tmp_path / "out" / STATEMENT).exists()
    assert not (tmp_path / "out" / CERTIFICATE).exists()


def with_file(hub: Path, name: str, content: bytes) -> None:
    (hub / name).parent.mkdir(exist_ok=True)
    (hub / name).write_bytes(content)
    take_stock(Hub(hub))


def npz_with(text: str) -> bytes:
    raw = io.BytesIO()
    np.savez_compressed(raw, note=np.array(text))
    return raw.getvalue()


def unreadable_zip(encrypted: bool) -> bytes:
    """Return an archive whose only text, which is packed, cannot be unpacked: it is encrypted, or damaged."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", f"{HOST} " * 9)
    data = bytearray(raw.getvalue())
    if encrypted:
        for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(mark) + flags] |= 1
    else:
        data[30 + len("a.txt")] |= 0b110  # a kind of block that deflate does not have
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("docs/a.npz", npz_with(f"made on {HOST}")),
        ("docs/a.bin", b"\0" * 100 + HOST.encode() + b"\0"),
        ("docs/a.bin", HOST.encode("utf-16-le")),
        ("docs/a.png", png()[:33] + chunk(b"tEXt", b"Author\0" + USER.encode()) + png()[33:]),
        (f"docs/{HOST}.txt", b"text"),
        ("docs/a.zip", unreadable_zip(encrypted=True)),
        ("docs/a.zip", unreadable_zip(encrypted=False)),
    ],
)
def test_a_name_that_cannot_be_replaced_is_refused_with_its_file(
    name: str, content: bytes, telling: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = shutil.copytree(telling, tmp_path / "hub")
    with_file(hub, name, content)
    assert verify_hub(hub) == verify_hub(telling)
    assert main(["hub", "anonymise", str(hub), str(tmp_path / "out"), *GIVEN]) == 2
    assert names(capsys.readouterr().err, name)
    assert [path.name for path in tmp_path.iterdir()] == ["hub"]


def test_what_is_no_sound_hub_no_name_or_no_new_folder_is_refused(
    telling: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = shutil.copytree(telling, tmp_path / "hub")
    (hub / COMPARISON).write_text("{}")
    (tmp_path / "taken").mkdir()
    cases = ([hub, "out"], [telling, "taken"], [telling, "out", "--name", "abc"], [telling, "out", "--name", "a\nb c"])
    for root, out, *more in cases:
        assert main(["hub", "anonymise", str(root), str(tmp_path / str(out)), *map(str, more)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub", "taken"]


def test_a_name_that_records_need_gives_no_unsound_copy(
    telling: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(telling)
    assert main(["hub", "anonymise", str(telling), str(tmp_path / "out"), "--name", "reconstruction_manifest"]) == 2
    assert main(["hub", "anonymise", str(telling), str(tmp_path / "out"), "--name", "baseline"]) in (1, 2)
    assert digests(telling) == before
    assert list(tmp_path.iterdir()) == []
