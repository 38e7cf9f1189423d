"""The command line: what it writes, what it says, and how it refuses."""

from __future__ import annotations

import errno
import json
import os
import shlex
import subprocess
import sys
import termios
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof import __version__
from ptyproof.cli import main
from ptyproof.cli.main import build_parser
from ptyproof.phases.base import make_base
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import StudyDesign
from tests.helpers import forked
from tests.helpers.commands import refused
from tests.helpers.folders import snapshot
from tests.helpers.messages import names
from tests.helpers.phases import Phase

SMOKE = ["--study", "fly64-smoke"]


def base_arrays() -> dict[str, Any]:
    """Return the arrays of the smoke study's base, as a user's own file would have them."""
    dataset = make_base(builtin_study("fly64-smoke"))
    return {
        "objectGuess": dataset.obj,
        "probeGuess": dataset.probe,
        "xcoords": dataset.positions_px[:, 1],
        "ycoords": dataset.positions_px[:, 0],
    }


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["study"],
        ["base"],
        ["import"],
        ["validate"],
        ["generate"],
        ["overlap"],
        ["train"],
        ["reconstruct"],
        ["predict"],
    ],
)
def test_help_has_examples_that_parse(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*argv, "--help"])
    assert caught.value.code == 0
    examples = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ptyproof ")]
    assert any(line.startswith(f"  ptyproof {' '.join(argv)}".rstrip()) for line in examples)
    for line in examples:
        if "COMMAND" not in line:
            words = shlex.split(line.partition(" > ")[0], comments=True)
            assert build_parser().parse_args(words[1:]).run is not None


def test_the_module_is_the_command() -> None:
    for command in ([sys.executable, "-m", "ptyproof"], [str(Path(sys.executable).with_name("ptyproof"))]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"ptyproof {__version__}\n"


def test_generate_and_overlap_from_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "--base-npz", "builtin", "--output-root", "c", *SMOKE]) == 0
    assert main(["overlap", "--phase-c-root", "c", "--output-root", "d"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [sum(names(line, view, 120, 123) for line in lines) for view in ("dense", "sparse")] == [3, 3]
    assert sum(names(line, "sparse", "0.2", "25.6 px", "10 %", "3.3 %") for line in lines) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "d"]
    manifest = json.loads((tmp_path / "d" / "overlap_manifest.json").read_text())
    assert {view["view"] for view in manifest["rejected_views"]} == {"sparse"}
    assert manifest["phase_c_root"] == "../c"
    assert str(tmp_path) not in json.dumps(manifest)


def test_doses_can_be_given_together_or_one_by_one(tmp_path: Path) -> None:
    for root, doses in (("a", ["--dose", "1000", "1e5"]), ("b", ["--dose", "1e5", "--dose", "1000.0"])):
        assert main(["generate", "--base-npz", "builtin", "--output-root", str(tmp_path / root), *SMOKE, *doses]) == 0
    found = [sorted(p.name for p in (tmp_path / root).iterdir()) for root in ("a", "b")]
    assert found[0] == found[1] == ["dose_1000", "dose_100000", "run_manifest.json"]


def test_base_import_validate_and_study_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, study = tmp_path / "base.npz", tmp_path / "mine.toml"
    assert main(["base", "--out", str(base), *SMOKE]) == 0
    assert names(capsys.readouterr().out, 336)
    assert main(["validate", str(base)]) == 0
    assert names(capsys.readouterr().out, base, "base")
    assert main(["study", "show", "fly64-smoke"]) == 0
    study.write_text(capsys.readouterr().out.replace('name = "fly64-smoke"', 'name = "mine"'))
    argv = ["generate", "--base-npz", str(base), "--output-root", str(tmp_path / "c"), "--study", str(study)]
    assert main([*argv, "--dose", "1000"]) == 0
    assert json.loads((tmp_path / "c" / "run_manifest.json").read_text())["study"] == "mine"


def test_study_list_names_every_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "list"]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "fly64",
        "fly64-smoke",
        "fly64-groups",
        "fly64-overlap",
        "fly64-unseen",
        "fly64-real",
        "fly64-flaws",
        "fly001",
    ]


@pytest.mark.parametrize("dose", ["0", "-1", "nan", "inf", "many"])
def test_an_impossible_dose_is_refused(dose: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["generate", "--base-npz", "builtin", "--output-root", tmp_path / "c", *SMOKE, f"--dose={dose}"]
    assert names(refused(capsys, argv), "--dose", "> 0", f"'{dose}'")
    assert list(tmp_path.iterdir()) == []


def test_a_dose_of_1e300_is_refused_as_filter_and_in_a_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["generate", "--base-npz", "builtin", "--output-root", tmp_path / "c"]
    assert names(refused(capsys, [*argv, "--dose", "1e300"]), "--dose", "1000, 10000, 100000", "1e+300")
    main(["study", "show", "fly64-smoke"])
    study = tmp_path / "bright.toml"
    study.write_text(capsys.readouterr().out.replace("100000.0", "1e300"))
    sentence = refused(capsys, [*argv, "--study", study])
    assert names(sentence, "bright.toml", "doses_photons_per_pattern", "1e+15", "1e+300")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("command", ["generate", "overlap"])
@pytest.mark.parametrize(
    "make",
    [
        lambda p: (p.write_text("x"), p)[1],
        lambda p: (p.write_text("x"), p / "deeper")[1],
        lambda p: Path("/proc/ptyproof"),
    ],
    ids=["file", "below-a-file", "not-writable"],
)
def test_an_output_root_that_takes_no_files_is_refused(
    command: str,
    make: Callable[[Path], Path],
    smoke_c: Phase,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = make(tmp_path / "root")
    source = ["--base-npz", "builtin", *SMOKE] if command == "generate" else ["--phase-c-root", smoke_c.root]
    before = snapshot(tmp_path)
    assert names(refused(capsys, [command, *source, "--output-root", root]), "--output-root", root)
    assert snapshot(tmp_path) == before


BAD_BASES: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "one-position": (lambda a: a | {k: a[k][:1] for k in ("xcoords", "ycoords")}, "position"),
    "all-equal": (lambda a: a | {k: np.full(9, 40.0) for k in ("xcoords", "ycoords")}, "position"),
    "outside": (lambda a: a | {"xcoords": a["xcoords"] + 500}, "xcoords"),
    "nan-position": (lambda a: a | {"ycoords": np.where(a["ycoords"] > 50, np.nan, a["ycoords"])}, "ycoords"),
    "lengths": (lambda a: a | {"ycoords": a["ycoords"][:-1]}, "coords"),
    "real-object": (lambda a: a | {"objectGuess": np.abs(a["objectGuess"])}, "objectGuess"),
    "small-object": (lambda a: a | {"objectGuess": a["objectGuess"][:20, :20]}, "objectGuess"),
    "nan-object": (lambda a: a | {"objectGuess": a["objectGuess"] * np.nan}, "objectGuess"),
    "other-probe-size": (lambda a: a | {"probeGuess": a["probeGuess"][:30, :30]}, "probeGuess"),
    "no-object": (lambda a: {k: v for k, v in a.items() if k != "objectGuess"}, "objectGuess"),
    "no-positions": (lambda a: {k: v for k, v in a.items() if k != "xcoords"}, "xcoords"),
    "dark-probe": (lambda a: a | {"probeGuess": a["probeGuess"] * 0}, "prob"),
}


@pytest.mark.parametrize("case", BAD_BASES)
def test_a_base_that_cannot_be_used_is_refused(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, word = BAD_BASES[case]
    file = tmp_path / "base.npz"
    np.savez(file, **spoil(base_arrays()))
    sentence = refused(capsys, ["generate", "--base-npz", file, "--output-root", tmp_path / "c", *SMOKE])
    assert word in sentence
    assert [path.name for path in tmp_path.iterdir()] == ["base.npz"]


@pytest.mark.parametrize(
    ("name", "content"), [("empty.npz", b""), ("text.npz", b"hello\n" * 100), ("cut.npz", None), ("none.npz", ...)]
)
def test_a_file_that_is_no_dataset_is_refused(
    name: str, content: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    if content is None:
        np.savez(file, **base_arrays())
        file.write_bytes(file.read_bytes()[:-100])
    elif content is not ...:
        file.write_bytes(content)
    for argv in (["generate", "--base-npz", file, "--output-root", tmp_path / "c", *SMOKE], ["validate", file]):
        assert str(file) in refused(capsys, argv)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--s-img", "0.5"], ["--s-img", "--n-groups"]),
        (["--gridsize", "2"], ["--gridsize", "--n-groups"]),
        (["--n-groups", "0"], ["n_groups", ">= 1", 0]),
        (["--n-groups", "8", "--s-img", "1.5"], ["s_img", "> 0", "<= 1", 1.5]),
        (["--n-groups", "8", "--gridsize", "3"], ["neighbor_count", "'sampled-s1-g8'", "gridsize", 9]),
        (["--n-groups", "8", "--view", "dense"], ["--view", "--n-groups"]),
        (["--probe-diameter-px", "-3"], ["--probe-diameter-px", "> 0", "-3.0"]),
        (["--rng-seed-subsample", "-3"], ["--rng-seed-subsample", ">= 0", "-3"]),
        (["--view", "thin"], ["--view", "baseline, dense, sparse", "'thin'"]),
        (["--dose", "5"], ["--dose", "1000, 10000, 100000", 5]),
        (["--study", "fly64"], ["pattern_size_px", 64, 32]),
        (["--study", "none.toml"], ["none.toml"]),
    ],
)
def test_wrong_options_of_overlap_are_refused(
    options: list[str], parts: list[object], smoke_c: Phase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["overlap", "--phase-c-root", smoke_c.root, "--output-root", tmp_path / "d", *options]
    assert names(refused(capsys, argv), *parts)
    assert list(tmp_path.iterdir()) == []


def test_fly001_needs_a_base(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["generate", "--base-npz", "builtin", "--output-root", tmp_path / "c", "--study", "fly001"]
    assert names(refused(capsys, argv), "fly001", "--base-npz")


@pytest.mark.parametrize("command", ["generate", "overlap"])
def test_a_full_disk_leaves_nothing_half_written(
    command: str, smoke: StudyDesign, smoke_c: Phase, tmp_path: Path
) -> None:
    """A limit on the size of files stands in for a full disk: the system refuses a write half way."""
    argv = ["--output-root", str(tmp_path / "out")]
    argv += ["--base-npz", "builtin", *SMOKE] if command == "generate" else ["--phase-c-root", str(smoke_c.root)]

    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = forked.run(["-m", "ptyproof", command, *argv], tmp_path, environment, largest_file=200_000)
    assert done.returncode == 1, done
    assert done.stderr.startswith("ptyproof: error: ")
    assert names(done.stderr, tmp_path / "out", os.strerror(errno.EFBIG))
    assert len(done.stderr.strip().splitlines()) == 1
    left = snapshot(tmp_path)
    assert all(name.endswith(".json") and json.loads(content) for name, content in left.items())


def test_an_interrupted_reader_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m ptyproof study show fly64 | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_plain_lines_where_nobody_watches(tmp_path: Path) -> None:
    argv = ["generate", "--base-npz", "builtin", "--output-root", str(tmp_path), *SMOKE]
    done = forked.run(["-m", "ptyproof", *argv], tmp_path, os.environ)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\r" not in done.stdout


@pytest.mark.parametrize("quiet", [False, True])
def test_a_terminal_gets_a_bar_unless_quiet(quiet: bool, tmp_path: Path) -> None:
    """A real pseudo-terminal, as a user's shell has one."""
    main_end, other_end = os.openpty()
    termios.tcsetwinsize(other_end, (24, 100))
    argv = [
        "generate",
        "--base-npz",
        "builtin",
        "--output-root",
        str(tmp_path / "c"),
        *SMOKE,
        *(["--quiet"] if quiet else []),
    ]
    screen = tmp_path / "stdout", Path(os.ttyname(other_end))
    with forked.begun(["-m", "ptyproof", *argv], tmp_path, os.environ, screen) as process:
        shown = b""
        while main_end in wait([main_end, process.process.sentinel]):
            shown += os.read(main_end, 4096)
        assert process.wait() == 0
    os.close(main_end)
    os.close(other_end)
    assert (b" 1000:" in shown and b"0/243" in shown and b"/s]" in shown) != quiet


@pytest.mark.parametrize("command", ["generate", "overlap", "train", "reconstruct", "compare", "predict", "assess"])
def test_every_phase_can_be_recorded_in_a_hub(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "--artifact-hub DIR" in capsys.readouterr().out
