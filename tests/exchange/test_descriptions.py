"""The descriptions in an exported hub are compared with its records: a forged one is found, by entity and property."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.checking.hub.crate import check
from ptyproof.checking.model.hub_files import hub_files
from ptyproof.cli.main import main
from ptyproof.description.crate import FORMAT
from ptyproof.description.of_hub import HubRecords, description_of, page_text
from ptyproof.description.stated import Stated
from ptyproof.hub.index import CRATE, INDEX, PAGE, STATEMENT, Hub
from ptyproof.hub.layout import COMPARISON, RECONSTRUCTION
from ptyproof.io.hashing import sha256_json
from ptyproof.provenance.persons import Person
from ptyproof.provenance.revision import NO_FILES
from tests.helpers.crates import ids
from tests.helpers.hubs import edit, make_run, places
from tests.helpers.messages import names

STAMP = "2026-11-24T00:00:00Z"
Change = Callable[[dict[str, Any]], object]
JOB = "#reconstruct/dose10000-baseline-gs1-test-lsqml"
ORCID = "https://orcid.org/0000-0002-1825-0097"


@pytest.fixture(scope="module")
def exported(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub as an exporter with a name and a license handed it on; tests leave it as it is."""
    out = tmp_path_factory.mktemp("described") / "out"
    command = ["hub", "export", str(made), "--format", "ro-crate", str(out)]
    assert main([*command, "--agent", f"Josiah Carberry <{ORCID}>", "--license", "CC0"]) == 0
    return out


@pytest.fixture
def crate(exported: Path, tmp_path: Path) -> Path:
    """A copy of it, for forgers."""
    return shutil.copytree(exported, tmp_path / "crate")


def found_in(hub: Path) -> list[tuple[str, str, str]]:
    """Return file, code and place of what the verification has against the descriptions."""
    return [found for found in places(verify_hub(hub)) if found[0] in (CRATE, PAGE)]


def number_of(crate: Path, key: str) -> int:
    """Return the number of an entity in the graph."""
    graph = json.loads((crate / CRATE).read_text())["@graph"]
    return next(number for number, entity in enumerate(graph) if entity["@id"] == key)


def entity(key: str, change: Change) -> Change:
    """Return a change of an entity of a description."""
    return lambda value: [change(found) for found in value["@graph"] if found["@id"] == key]


STATED = [(CRATE, "PM920", "$"), (CRATE, "PM920", "$")]


def test_a_true_description_has_no_finding_but_what_its_exporter_stated(crate: Path) -> None:
    assert found_in(crate) == STATED
    said = " ".join(finding.message for finding in verify_hub(crate) if finding.code == "PM920")
    assert ORCID in said
    assert "CC0" in said
    assert main(["hub", "verify", str(crate)]) == 0


@pytest.mark.parametrize(
    ("key", "change", "property_name"),
    [
        (JOB, lambda found: found.update(endTime="2031-01-01T00:00:00+00:00"), "endTime"),
        (JOB, lambda found: found.update(metric={"nrmse": 0.001}), "metric"),
        (JOB, lambda found: found.update(agent={"@id": "#agent/Mallory"}), "agent"),
        (JOB, lambda found: found.pop("instrument"), "instrument"),
        (JOB, lambda found: found.update(result=[]), "result"),
        ("#reconstruct", lambda found: found.pop("error"), "error"),
        (COMPARISON, lambda found: found.update(sha256="0" * 64), "sha256"),
        (COMPARISON, lambda found: found.update(contentSize=1), "contentSize"),
        (PAGE, lambda found: found.update(sha256="0" * 64), "sha256"),
        ("./", lambda found: found.update(name="A better study"), "name"),
        ("./", lambda found: found.update(datePublished="2031-01-01"), "datePublished"),
        ("./", lambda found: found["hasPart"].pop(), "hasPart"),
        ("./", lambda found: found.update(description="sound, and reviewed"), "description"),
        (CRATE, lambda found: found.update(about=[]), "about"),
    ],
)
def test_a_forged_property_is_an_error_that_names_it(key: str, change: Change, property_name: str, crate: Path) -> None:
    edit(crate / CRATE, entity(key, change))
    assert (CRATE, "PM919", f"$.@graph[{number_of(crate, key)}].{property_name}") in found_in(crate)
    assert main(["hub", "verify", str(crate)]) == 1
    assert main(["check", str(crate)]) == 1


def test_other_software_versions_are_an_error(crate: Path) -> None:
    graph = json.loads((crate / CRATE).read_text())["@graph"]
    key = next(found["@id"] for found in graph if found["@id"].startswith("#software/numpy/"))
    edit(crate / CRATE, entity(key, lambda found: found.update(softwareVersion="99")))
    assert (CRATE, "PM919", f"$.@graph[{number_of(crate, key)}].softwareVersion") in found_in(crate)


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value["@graph"].append({"@id": "#more", "@type": "CreateAction", "name": "a better run"}),
        lambda value: value["@graph"].append(dict(value["@graph"][-1])),  # twice
        lambda value: value["@graph"].append(3),
        lambda value: value["@graph"].append({"name": "no id"}),
        lambda value: value["@graph"].pop(),
        lambda value: value["@context"][1].update(startTime="http://schema.org/endTime"),
        lambda value: value.update(more=1),
        lambda value: value["@graph"].append({"@id": "work/phase_c/more.npz", "@type": "File", "sha256": "0" * 64}),
    ],
)
def test_another_entity_context_or_key_is_an_error(change: Change, crate: Path) -> None:
    edit(crate / CRATE, change)
    assert "PM919" in {code for _, code, _ in found_in(crate)}


@pytest.mark.parametrize("text", ["{", "[]", '{"@graph": [1, {"@type": "File", "@id": []}]}', "\0", '{"a":1,"a":2}'])
def test_a_description_that_cannot_be_read_is_an_error(text: str, crate: Path) -> None:
    (crate / CRATE).write_text(text)
    assert found_in(crate) == [(CRATE, "PM919", "$")]


@pytest.mark.parametrize("version", [None, "ptyproof description 0", 3])
def test_a_description_of_another_version_is_not_compared_and_says_so(version: Any, crate: Path) -> None:
    edit(crate / CRATE, entity(CRATE, lambda found: found.update(version=version)))
    assert found_in(crate) == [(CRATE, "PM918", "$")]


def test_a_dataset_that_a_reader_removed_is_no_forgery(crate: Path) -> None:
    assert "work/phase_c/dose_10000/patched_train.npz" in (crate / CRATE).read_text()
    for path in (crate / "work").rglob("*.npz"):
        path.unlink()
    assert found_in(crate) == STATED


def test_hostile_words_cannot_leave_their_line(crate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = {"@id": "#x\n\x1b[31mhub: sound", "@type": "CreateAction"}
    edit(crate / CRATE, lambda value: value["@graph"].append(more))
    edit(crate / CRATE, lambda value: value["@graph"].extend({"@id": f"#{n}"} for n in range(500)))
    assert main(["hub", "verify", str(crate)]) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert not any(line.startswith("hub: sound") for line in out.splitlines())
    assert out.count("PM919") <= 21


def test_records_that_give_no_description_are_no_end_of_the_check(crate: Path) -> None:
    index = json.loads((crate / INDEX).read_text())
    for run in index["runs"]:
        del run["revision"]
    assert {(found.file, found.code) for found in check(hub_files(crate), index)} == {(CRATE, "PM918"), (PAGE, "PM918")}


JUNK: list[Any] = [None, True, 0, 1.5, "", "x", [], {}, [[]], {"@id": 3}, {"@id": "./"}, "\u202e", [{"@id": None}]]


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Return the holder and the key of everything in a JSON value."""
    found = (
        list(enumerate(value)) if isinstance(value, list) else list(value.items()) if isinstance(value, dict) else []
    )
    return [(value, key) for key, _ in found] + [place for _, inner in found for place in places_in(inner)]


def test_no_random_change_of_a_description_goes_unseen_or_upsets_the_check(crate: Path) -> None:
    index, whole = json.loads((crate / INDEX).read_text()), (crate / CRATE).read_text()
    draw, n_other = random.Random(11), 0
    files = hub_files(crate)
    for _ in range(250):
        value = json.loads(whole)
        holder, key = draw.choice(places_in(value))
        before, holder[key] = holder[key], draw.choice(JUNK)
        (crate / CRATE).write_text(json.dumps(value))
        codes = {finding.code for finding in check(files, index) if finding.file == CRATE}
        # without license or agent, as without a name of them, they were not stated
        assert codes >= {"PM919"} or codes == {"PM918"} or json.dumps(before) == json.dumps(holder[key]), (key, before)
        n_other += codes >= {"PM919"}
    assert n_other > 200


# Their form

INDEX_OF_ONE_RUN: dict[str, Any] = {
    "timestamp": STAMP,
    "tool": {"name": "ptyproof", "version": "0.2.0"},
    "runs": [
        {
            "id": "run-0001",
            "command": "pytest -m real_run",
            "real_run": True,
            "status": "ended",
            "started": STAMP,
            "ended": STAMP,
            "exit_status": 1,
            "reason": None,
            "evidence": "none",
            "outcomes": {"passed": 2, "skipped": 1},
            "skips": [{"test": "test_it.py::test", "reason": "Skipped: no GPU"}],
            "revision": {"commit": "c" * 40, "uncommitted_sha256": "d" * 64, "code_sha256": "a" * 64},
            "environment": {"python": "3.12.1", "numpy": "2.0", "system": "Linux"},
            "log_path": "none/run.log",
        }
    ],
}


def test_other_words_need_another_number_of_the_form() -> None:
    """Hubs of an earlier version have its words: with the same number they would be called forged."""
    stated = Stated("CC0", Person("Ada", None, "ada@example.org"))
    records = HubRecords(INDEX_OF_ONE_RUN, {})
    described = description_of(records, stated, [INDEX, "none/run.log", STATEMENT], lambda name: ("e" * 64, len(name)))
    digests = [sha256_json(described)[:16], sha256_json(page_text(records, "e" * 64))[:16]]
    assert {FORMAT: digests} == {"ptyproof description 2": ["59d803223a48063e", "a37af76197c9d515"]}


def test_the_digest_of_no_file_is_no_digest_of_code() -> None:
    (run,) = INDEX_OF_ONE_RUN["runs"]
    revision = {"commit": None, "uncommitted_sha256": None, "code_sha256": NO_FILES, "tests_sha256": NO_FILES}
    records = HubRecords(INDEX_OF_ONE_RUN | {"runs": [run | {"revision": revision}]}, {})
    described = description_of(records, Stated(), [INDEX, "none/run.log"], lambda name: ("e" * 64, len(name)))
    assert NO_FILES[:8] not in json.dumps(described) + page_text(records, "e" * 64)


# The page for people


def test_the_page_says_what_ran_and_what_was_skipped(made: Path, exported: Path) -> None:
    text = (exported / PAGE).read_text(encoding="utf-8")
    (run,) = json.loads((made / INDEX).read_text())["runs"]
    assert run["id"] in text
    assert run["started"] in text
    (reason,) = {skip["reason"] for skip in json.loads((made / RECONSTRUCTION).read_text())["skipped"]}
    assert reason[:60] in text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace("1 passed", "9 passed"), "PM919"),
        (lambda text: f"{text}All tests passed.\n", "PM919"),
        (lambda text: "# All is well\n", "PM919"),
        (lambda text: text.replace("of hub.json ", "of hub.json 0", 1), "PM918"),
        (lambda text: text.replace("description 2", "description 1", 1), "PM918"),
    ],
)
def test_a_changed_page_is_found(change: Callable[[str], str], code: str, crate: Path) -> None:
    (crate / PAGE).write_text(change((crate / PAGE).read_text(encoding="utf-8")), encoding="utf-8")
    assert [found[:2] for found in found_in(crate) if found[0] == PAGE] == [(PAGE, code)]


def blocks_of(page: str) -> list[str]:
    """Return the commands of a page."""
    return [block.partition("\n```")[0] for block in page.split("```sh\n")[1:]]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_its_commands_verify_a_hub_without_ptyproof(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
    from tests.helpers.signing_keys import Key

    hub, out, key = shutil.copytree(made, tmp_path / "hub"), tmp_path / "out", Key(tmp_path / "keys")
    assert main(["hub", "sign", str(hub), "--key", str(key.private)]) == 0
    assert main(["hub", "export", str(hub), "--format", "ro-crate", str(out)]) == 0
    with_ptyproof, files, signature, *_ = blocks_of((out / PAGE).read_text(encoding="utf-8"))

    def shell(commands: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "TMPDIR": str(work)}
        return subprocess.run(
            ["bash", "-c", commands], cwd=out, capture_output=True, text=True, check=False, env=environment
        )

    work = tmp_path / "temporary"
    work.mkdir()
    shutil.copy(key.public, tmp_path / "public.pem")  # beside the hub, as the page has it
    lines = shell(files).stdout.split()
    assert lines.count("ok") == len(json.loads((out / INDEX).read_text())["files"])
    assert "CHANGED" not in lines
    done = shell(signature)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Verified" in done.stdout
    digests = [word for word in done.stdout.split() if len(word) == 64]
    assert digests[-1] == digests[-2]
    verify = [line for line in with_ptyproof.splitlines() if line.startswith("ptyproof hub verify")]
    assert len(verify) == 2
    for command in verify:  # and the hub is as it was
        assert shell(command).returncode == 0
    (out / COMPARISON).write_text("{}")
    assert f"CHANGED {COMPARISON}" in shell(files).stdout
    shutil.copy(Key(tmp_path / "others").public, tmp_path / "public.pem")
    assert "Verified" not in shell(signature).stdout


@pytest.mark.parametrize("name", [CRATE, PAGE])
def test_a_description_that_was_removed_beside_the_other_is_told(
    name: str, crate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (crate / name).unlink()
    assert (name, "PM925", "$") in found_in(crate)
    assert main(["hub", "verify", str(crate)]) == 0
    assert names(capsys.readouterr().out, name, "PM925")
    (crate / ({CRATE, PAGE} - {name}).pop()).unlink()
    assert found_in(crate) == []


# Beside a signature


def test_who_verifies_a_signature_is_told_of_a_description_that_was_not_compared(
    exported: Path, tmp_path: Path
) -> None:
    pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
    from tests.helpers.signing_keys import Key

    key, hub = Key(tmp_path / "keys"), shutil.copytree(exported, tmp_path / "hub")
    verify = ["hub", "verify", str(hub), "--key", str(key.public)]
    assert main(["hub", "sign", str(hub), "--key", str(key.private)]) == 0
    assert main(verify) == 0  # signed after the export: the description has no digest of a statement
    (hub / STATEMENT).unlink()
    make_run(Hub(hub))
    assert main(["report", "--hub", str(hub)]) == 0
    assert main(["hub", "sign", str(hub), "--key", str(key.private)]) == 0
    assert main(["hub", "verify", str(hub)]) == 0
    assert main(verify) == 1
    (hub / CRATE).unlink()
    assert main(verify) == 1
    (hub / PAGE).unlink()
    assert main(verify) == 0


def test_a_signed_hub_is_described_with_its_statement_and_can_be_signed_again(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
    from tests.helpers.signing_keys import Key

    hub, out = shutil.copytree(made, tmp_path / "hub"), tmp_path / "out"
    for number, root in enumerate((hub, out)):
        assert main(["hub", "sign", str(root), "--key", str(Key(tmp_path / f"keys{number}").private)]) == 0
        if root == hub:
            assert main(["hub", "export", str(hub), "--format", "ro-crate", str(out)]) == 0
        assert found_in(root) == []
    root_entity = next(found for found in json.loads((out / CRATE).read_text())["@graph"] if found["@id"] == "./")
    assert STATEMENT in ids(root_entity["hasPart"])
    (out / STATEMENT).unlink()
    assert "PM919" in {code for _, code, _ in found_in(out)}
