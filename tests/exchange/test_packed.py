"""Packed hubs are read as they are: by `hub verify`, `check` and `diff`, with the verdicts of their folders."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from pathlib import Path

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import CRATE
from ptyproof.hub.layout import COMPARISON
from tests.helpers.hubs import edit
from tests.helpers.messages import names


@pytest.fixture
def packed(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The exported hub as a zip file."""
    assert main(["hub", "export", str(made), "--format", "ro-crate", str(tmp_path / "hub.zip")]) == 0
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "hub.zip"


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    """Return the exit status of a command and all that it has printed."""
    capsys.readouterr()
    status = main([str(word) for word in words])
    found = capsys.readouterr()
    return status, found.out + found.err


def test_a_zip_file_has_the_verdict_of_its_folder(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    for is_forged in (False, True):
        if is_forged:
            edit(folder / CRATE, lambda value: value["@graph"].pop())
        packed.unlink()
        shutil.make_archive(str(packed.with_suffix("")), "zip", folder)
        for words in (["hub", "verify"], ["check"]):
            for more in ([], ["--format", "json"]):
                status, text = said(capsys, *words, packed, *more)
                assert (status, text.replace(str(packed), str(folder))) == said(capsys, *words, folder, *more)
                assert (status > 0) == is_forged
                assert str(tmp_path / "temporary") not in text
    assert list((tmp_path / "temporary").iterdir()) == []


def test_datasets_that_are_not_shipped_are_counted_apart(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = shutil.copytree(made, tmp_path / "hub", ignore=shutil.ignore_patterns("*_train.npz", "*_test.npz"))
    packed = tmp_path / "hub.zip"
    assert main(["hub", "export", str(hub), "--format", "ro-crate", str(packed)]) == 0
    for path in (hub, packed):
        status, text = said(capsys, "check", path, "--format", "json")
        found = json.loads(text)
        counts = found["named_files"]
        assert status == 0
        assert (counts["absent"], counts["not_looked_at"]) == (0, 0)
        assert counts["not_shipped"] == counts["named"] - counts["there"] > 0
        of_phase_c = next(one for one in found["files"] if one["file"].endswith("phase_c/run_manifest.json"))
        assert (of_phase_c["named_files"]["not_shipped"], of_phase_c["verdict"]) == (2, "unseen")
    (hub / COMPARISON).unlink()
    absent = json.loads(said(capsys, "check", hub, "--format", "json")[1])["named_files"]["absent"]
    assert absent > 0  # what is no dataset is missing


def test_a_signature_of_a_packed_hub_is_verified(
    made: Path, packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
    from tests.helpers.signing_keys import Key

    hub, key = shutil.copytree(made, tmp_path / "hub"), Key(tmp_path / "keys")
    assert main(["hub", "sign", str(hub), "--key", str(key.private)]) == 0
    assert main(["hub", "export", str(hub), "--format", "ro-crate", str(tmp_path / "signed.zip")]) == 0
    assert said(capsys, "hub", "verify", tmp_path / "signed.zip", "--key", key.public)[0] == 0
    status, text = said(capsys, "hub", "verify", packed, "--key", key.public)
    assert (status, "PM912" in text) == (1, True)


def test_two_zip_files_are_compared(
    made: Path, packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "diff", packed, packed) == said(capsys, "diff", packed, packed)
    status, text = said(capsys, "diff", packed, made, "--format", "json")
    found = json.loads(text)
    assert (status, found["is_worse"]) == (0, False)
    assert found["old"]["name"] == "hub.zip"
    assert found["old"]["sha256"] == found["new"]["sha256"]


def test_a_hostile_or_other_zip_file_is_refused_in_one_sentence(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile, other, text = (tmp_path / f"{name}.zip" for name in ("hostile", "other", "text"))
    shutil.copy(packed, hostile)
    with zipfile.ZipFile(hostile, "a") as archive:
        archive.writestr("../out.txt", "")
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "")
    text.write_text("no archive")
    for path in (hostile, other, text, tmp_path / "nowhere.zip"):
        for words in (["hub", "verify"], ["check"], ["diff", str(packed)]):
            status, found = said(capsys, *words, path)
            assert (status, found.count("\n")) == (2, 1), (words, found)
            assert names(found, str(path))
    assert not (tmp_path / "out.txt").exists()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_an_unsound_packed_hub_is_named_by_its_file(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(broken, "w") as archive:
        for info in source.infolist():
            if info.filename != COMPARISON:
                archive.writestr(info, source.read(info))
    for words in (["hub", "verify"], ["diff", str(packed)]):
        status, text = said(capsys, *words, broken)
        assert status != 0
        assert names(text, str(broken), COMPARISON)
        assert str(tmp_path / "temporary") not in text
