"""Processes that fork in place of being started: what they are given is theirs, and so is how they end."""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from pathlib import Path

from tests.helpers import forked

TELLING = """\
import json, multiprocessing, os, sys, tempfile
import beside
seen = {"cwd": os.getcwd(), "environment": dict(os.environ), "words": sys.argv[1:], "name": __name__}
seen |= {"tests": [name for name in sys.modules if name.startswith("tests")], "temporary": tempfile.gettempdir()}
print(json.dumps(seen))
print("on the other", file=sys.stderr)
sys.exit(3)
"""


def test_a_fork_has_what_a_fresh_interpreter_would_have(tmp_path: Path) -> None:
    cwd, library, temporary = tmp_path / "cwd", tmp_path / "library", tmp_path / "temporary"
    for folder in (cwd, library, temporary):
        folder.mkdir()
    (cwd / "telling.py").write_text(TELLING, encoding="utf-8")
    (library / "beside.py").write_text("", encoding="utf-8")
    environment = {"PYTHONPATH": str(library), "MINE": "ü", "TMPDIR": str(temporary)}
    done = forked.run(["-m", "telling", "-m", "word"], cwd, environment)
    assert (done.returncode, done.stderr) == (3, "on the other\n"), done
    seen = json.loads(done.stdout)
    assert seen["environment"].items() >= environment.items()
    assert "PATH" not in seen["environment"]
    assert (seen["cwd"], seen["words"], seen["name"]) == (str(cwd), ["-m", "word"], "__main__")
    assert (seen["tests"], seen["temporary"]) == ([], str(temporary))
    assert Path.cwd() != cwd


def test_the_limit_of_files_and_an_error_are_told(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_text("open('file', 'wb', 0).write(bytes(3000)); open('file', 'ab', 0).write(b'x')")
    done = forked.run(["-B", "-m", "large"], tmp_path, os.environ, largest_file=2048)
    assert done.returncode == 1
    assert os.strerror(errno.EFBIG) in done.stderr
    assert (tmp_path / "file").stat().st_size == 2048
    assert not (tmp_path / "__pycache__").exists()


def test_a_fork_can_be_killed_and_leads_its_session(tmp_path: Path) -> None:
    (tmp_path / "waiting.py").write_text("import time; open('begun', 'w').close(); time.sleep(60)")
    with forked.begun(["-m", "waiting"], tmp_path, os.environ) as process:
        limit = time.monotonic() + 60
        while not (tmp_path / "begun").exists() and time.monotonic() < limit:
            time.sleep(0.02)
        assert process.poll() is None
        assert os.getsid(process.pid) == process.pid
        process.kill()
        assert process.wait() == -signal.SIGKILL
