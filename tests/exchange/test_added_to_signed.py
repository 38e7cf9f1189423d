"""What is put beside the records of a signed hub, and readers would take for its own, is an error for its signature."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import STATEMENT
from ptyproof.hub.layout import RECONSTRUCTION
from ptyproof.methods.reconstruction_jobs import ReconstructionCell
from ptyproof.records.job_record import JobRecord
from ptyproof.records.reconstruction_ledger import ReconstructionLedger
from ptyproof.study.design import design_from_dict
from tests.helpers.messages import names

pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")

from tests.helpers.signing_keys import Key

JOB = "dose10000-baseline-gs1-test-pinn"


def add_end(hub: Path, place: str) -> str:
    """Let a job have another end in a journal, or in a file of its folder; return the name of that file."""
    before = {path for path in hub.rglob("*") if path.is_file()}
    manifest = json.loads((hub / RECONSTRUCTION).read_text())
    data, views = ((hub / "real_run" / manifest[name]).resolve() for name in ("phase_c_root", "phase_d_root"))
    design = design_from_dict(manifest["design"])
    ledger = ReconstructionLedger(design, data, views, hub / "real_run", folding_share=0)
    (entry,) = (job for job in manifest["jobs"] if job["job"] == JOB)
    result = entry["result"] | {"error": "a better story"}
    if place == "journal":
        with ledger.changing() as book:
            book.change(JOB, {}, {"result": result})
    else:
        cell = ReconstructionCell.of(entry)
        job: Any = SimpleNamespace(cell=cell, key=cell.key, plan={})
        JobRecord(ledger, job, (cell,), {}).record(result=result)
    added = {path for path in hub.rglob("*") if path.is_file() and not path.name.endswith(".lock")} - before
    (name,) = (path.relative_to(hub).as_posix() for path in added)
    return name


@pytest.mark.parametrize("place", ["journal", "folder of the job"])
def test_an_end_of_a_job_that_was_added_to_a_signed_hub_is_an_error(
    place: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub, key = shutil.copytree(made, tmp_path / "hub"), Key(tmp_path / "keys")
    verify = ["hub", "verify", str(hub), "--key", str(key.public)]
    sign = ["hub", "sign", str(hub), "--key", str(key.private)]
    assert main(sign) == main(verify) == 0
    name = add_end(hub, place)
    assert main(verify[:3]) == 0  # a run that ended early leaves such a file
    capsys.readouterr()
    assert main(verify) == 1
    (line,) = (line for line in capsys.readouterr().out.splitlines() if ": error " in line)
    assert names(line, name, "PM922")
    before = (hub / STATEMENT).read_bytes()
    assert main(sign) == 2
    assert names(capsys.readouterr().err, name)
    assert (hub / STATEMENT).read_bytes() == before
    assert main(["hub", "anonymise", str(hub), str(tmp_path / "copy")]) == 2
    assert names(capsys.readouterr().err, name)
    assert main(["hub", "export", str(hub), "--format", "ro-crate", str(tmp_path / "out.zip")]) == 0
    assert main(["hub", "verify", str(tmp_path / "out.zip"), "--key", str(key.public)]) == 1
    (hub / name).unlink()
    assert main(verify) == 0
