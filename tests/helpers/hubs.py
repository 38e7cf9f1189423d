"""Hubs for tests: with runs, with a real run of the smoke study, and what tests do to them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ptyproof.checking import Finding
from ptyproof.hub.index import Evidence, Hub
from ptyproof.hub.layout import FIGURES, OVERLAP, SOURCES, TRAINING
from ptyproof.io.hashing import sha256_file
from ptyproof.records.manifest import head, write_manifest
from ptyproof.report.summary import write_summary
from ptyproof.runs.folder import RunFolder
from tests.helpers.phases import Phase
from tests.helpers.pictures import png

REVISION = {"commit": None, "uncommitted_sha256": None, "code_sha256": "a" * 64, "tests_sha256": "b" * 64}
ENVIRONMENT = {"python": "3.12.1", "system": "Linux", "machine": "x86_64"}
BUNDLE = "real_run/dose_1000/baseline/gs1/model.safetensors"
CURVE = "real_run/dose_1000/baseline/gs1/metrics.csv"
PICTURE = "docs/figures/dose1000-baseline-gs1_training.png"
KILLED = """
import sys
from pathlib import Path
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import OVERLAP, RUN, SKIP_LINES, SKIPS, TRAINING
from tests.helpers.hubs import ENVIRONMENT, REVISION
Hub(Path(sys.argv[1])).open_run(["pytest", "-k", "a|b"], sys.argv[2], "adding", ENVIRONMENT, REVISION)
"""


def report_lines(path: Path, root: Path, outcomes: dict[str, int]) -> dict[str, Any]:
    """Write lines about the calls of tests that ended so; return what the index has of them."""
    path.parent.mkdir(exist_ok=True)
    calls = [(f"test_it.py::test_{outcome}_{n}", outcome) for outcome, count in outcomes.items() for n in range(count)]
    lines = [json.dumps({"test": test, "when": "call", "outcome": outcome}) for test, outcome in calls]
    path.write_text("".join(f"{line}\n" for line in lines))
    return {"reports_path": path.relative_to(root).as_posix(), "n_collected": len(lines)}


def make_run(hub: Hub, evidence: Evidence = "none", topic: str | None = None, status: int = 0, **changes: Any) -> str:
    """Record a run with a log, from its beginning to its end; return its id."""
    name = hub.open_run(["pytest", "test_it.py"], evidence, topic, ENVIRONMENT, REVISION)
    log = hub.root / evidence / f"{name}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text(f"what {name} showed\n")
    if changes.get("accepted"):
        changes |= report_lines(log.with_suffix(".jsonl"), hub.root, changes["outcomes"])
    hub.end_run(name, status, log_path=log.relative_to(hub.root).as_posix(), **changes)
    return name


def kill_run(hub: Hub, evidence: str = "none") -> None:
    """Record the beginning of a run by a process that is gone."""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", KILLED, str(hub.root), evidence], cwd=root, check=True)


def make_hub(root: Path, c: Phase, d: Phase, e: Phase) -> Hub:
    """Make the hub of a real run of the smoke study, with its datasets."""
    folder = RunFolder(root)
    for phase, place in ((c, folder.phase_c_root), (d, folder.phase_d_root), (e, folder.real_run)):
        shutil.copytree(phase.root, place)
    for path, old, new in ((root / OVERLAP, '"../c"', '"../phase_c"'), (root / TRAINING, '"../', '"../work/phase_')):
        path.write_text(path.read_text().replace(old, new))
    hub = Hub(root)
    skips = [
        {"test": f"test_it.py::test[{number}]", "reason": f"dose{skip['dose']:g}-sparse-gs2: {skip['reason']}"}
        for number, skip in enumerate(e.manifest["skipped_views"])
    ]
    make_run(hub, real_run=True, outcomes={"passed": 6, "skipped": len(skips)}, skips=skips, n_collected=9)
    add_picture(root, e.manifest["jobs"][0])
    hub.write(lambda: write_summary(root))
    return hub


def add_picture(root: Path, job: dict[str, Any]) -> None:
    """Record a picture of a job, made from its losses and from a dataset; it shows nothing of them."""
    (root / FIGURES).mkdir(parents=True)
    name = f"{job['job']}_training.png"
    (root / FIGURES / name).write_bytes(png())
    made_from = {
        "../../real_run/dose_1000/baseline/gs1/metrics.csv": sha256_file(root / CURVE),
        "../../work/phase_c/dose_1000/patched_test.npz": job["datasets"]["test"]["sha256"],
    }
    picture = {"file": name, "cell": job["job"], "subject": "training", "caption": "Loss.", "alt": "2 epochs."}
    picture["sha256"] = sha256_file(root / FIGURES / name)
    picture["sources"] = [{"path": path, "sha256": digest} for path, digest in made_from.items()]
    write_manifest(root / SOURCES, head("figures") | {"drawing": 1, "pictures": [picture]})


def flip(path: Path, place: int) -> bytes:
    """Change one byte of a file; return what it was before."""
    before = path.read_bytes()
    after = bytearray(before)
    after[place] ^= 1
    path.write_bytes(after)
    return before


def record(hub: Path, name: str) -> dict[str, Any]:
    """Return a JSON file of a hub."""
    found: dict[str, Any] = json.loads((hub / name).read_text(encoding="utf-8"))
    return found


def take_stock(hub: Hub) -> None:
    """Let the index have every file as it is."""
    hub.write(lambda: None)


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def places(findings: list[Finding]) -> list[tuple[str, str, str]]:
    """Return file, code and JSON path of findings."""
    return [(finding.file, finding.code, finding.json_path) for finding in findings]
