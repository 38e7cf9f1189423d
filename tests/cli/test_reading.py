"""The options that say what a file leaves open: the same words in `import`, `validate` and Python, and in messages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.cli import main
from ptyproof.io.dataset import read_dataset
from ptyproof.io.reading import CHOICES
from tests.helpers.measurements import GRID, PLACES, WINDOW, N, legacy, legacy_arrays, tike
from tests.helpers.messages import names

PLAIN = legacy_arrays()
COUNTS = PLAIN["diff3d"]
CORNER = np.fft.ifftshift(COUNTS, axes=(1, 2))
MARKED = COUNTS.copy()
MARKED[:, 3, 4] = 65535
MODES = np.stack([PLAIN["probeGuess"], 0.1 * PLAIN["probeGuess"]], axis=2)
OBJECT = np.ones((40, 45), "c8")
Run = tuple[int, str, str]


def run(capsys: pytest.CaptureFixture[str], *argv: Any) -> Run:
    status = main([str(word) for word in argv])
    said = capsys.readouterr()
    return status, said.out, said.err


FORMS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "counts": ({}, []),
    "amplitude": ({"diff3d": np.sqrt(COUNTS).astype("f4")}, []),
    "fractions": ({"diff3d": None, "diffraction": (COUNTS * 0.3).astype("f4")}, []),
    "intensity": ({"diff3d": None, "diffraction": (COUNTS * 0.3).astype("f4")}, ["--values", "intensity"]),
    "whole": ({"diff3d": None, "diffraction": COUNTS}, ["--values", "intensity"]),
    "last": ({"diff3d": np.moveaxis(COUNTS, 0, 2)}, ["--axis-order", "hwn"]),
    "marks": ({"diff3d": MARKED}, ["--saturated", "keep"]),
    "modes": ({"probeGuess": MODES}, []),
    "base": ({"diff3d": None, "objectGuess": OBJECT}, []),
    "grid": ({"diff3d": COUNTS.reshape(*GRID, *WINDOW)}, ["--scan-order", "rows"]),
    "grid by columns": (
        {
            "diff3d": COUNTS.reshape(*GRID, *WINDOW),
            **{name: PLAIN[name].reshape(GRID).T.ravel() for name in ("xcoords", "ycoords")},
        },
        ["--scan-order", "columns"],
    ),
    **{
        place: (
            {"diff3d": np.fft.ifftshift(COUNTS, axes=[axis + 1 for axis in axes])},
            ["--zero-frequency", place],
        )
        for place, axes in PLACES.items()
    },
}


@pytest.mark.parametrize("name", FORMS)
def test_what_import_reads_validate_reads_and_what_it_writes_is_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    arrays, options = FORMS[name]
    path, new = legacy(tmp_path / "a.npz", **arrays), tmp_path / "new.npz"
    status, out, err = run(capsys, "validate", path, *options)
    assert (status, err) == (0, "")
    assert f"{WINDOW[0]} x {WINDOW[1]} px" in out
    assert out.count("\n") > 1
    status, out, err = run(capsys, "import", path, *options, "--out", new)
    assert (status, err) == (0, "")
    assert f"{WINDOW[0]} x {WINDOW[1]} px" in out
    status, out, err = run(capsys, "validate", new)
    assert (status, err, out.count("\n")) == (0, "", 2)  # its extent and its verdict, and no change on reading
    base, role = tmp_path / "base.npz", read_dataset(new).dataset.role
    status, _, err = run(capsys, "import", new, "--object", "grains", "--out", base)
    assert (status, err) == (0, ""), role
    assert run(capsys, "validate", base)[0] == 0


@pytest.mark.parametrize("options", [[], ["--object", "siemens"], ["--values", "intensity"]])
def test_tike_goes_through_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    assert run(capsys, "import", tike(tmp_path / "a.npz"), *options, "--out", tmp_path / "new.npz")[0] == 0
    assert run(capsys, "validate", tmp_path / "new.npz")[0] == 0


def test_fractions_in_tike_are_refused_until_the_caller_says_what_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, new = tike(tmp_path / "a.npz", data=0.3 * COUNTS[None]), tmp_path / "new.npz"
    status, _, err = run(capsys, "import", path, "--out", new)
    assert status == 2
    assert names(err, "--values intensity", "--values amplitude")
    assert not new.exists()


@pytest.mark.parametrize("values", ["intensity", "amplitude"])
def test_fractions_in_tike_are_what_the_caller_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], values: str
) -> None:
    fractions = COUNTS * 0.3
    path, new = tike(tmp_path / "a.npz", data=fractions[None]), tmp_path / "new.npz"
    status, _, err = run(capsys, "import", path, "--values", values, "--out", new)
    assert (status, err) == (0, "")
    expected = fractions if values == "amplitude" else np.sqrt(fractions)
    dataset = read_dataset(new).dataset
    assert dataset.diffraction is not None
    np.testing.assert_allclose(dataset.diffraction, expected, rtol=1e-6)
    assert dataset.intensity_scale is None


def test_fractions_that_nobody_spoke_of_are_said_to_be_amplitude(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays, _ = FORMS["fractions"]
    path = legacy(tmp_path / "a.npz", **arrays)
    for command in (["validate", path], ["import", path, "--out", tmp_path / "new.npz"]):
        assert names(run(capsys, *command)[1], "diffraction", "amplitude", "--values intensity")


REFUSED = {
    "whole": FORMS["whole"][0],
    "marks": FORMS["marks"][0],
    "corner": FORMS["corner"][0],
    "top": FORMS["top"][0],
    "cube": {
        "diff3d": np.random.default_rng(0).poisson(50, (8, 8, 8)),
        "probeGuess": np.ones((8, 8), "c8"),
        "xcoords": np.arange(8) + 4.5,
        "ycoords": np.arange(8) + 4.5,
    },
}


@pytest.mark.parametrize("command", ["import", "validate"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_line_that_names_an_option_which_settles_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    path, new = legacy(tmp_path / "a.npz", **REFUSED[name]), tmp_path / "new.npz"
    out_file = ["--out", new] if command == "import" else []
    status, _, err = run(capsys, command, path, *out_file)
    assert status == 2
    assert len(err.splitlines()) == 1
    assert not new.exists()
    option, word = re.search(r"(--[a-z-]+) ([a-z]+)", err).groups()  # type: ignore[union-attr]
    assert run(capsys, command, path, option, word, *out_file)[0] == 0


@pytest.mark.parametrize("command", ["import", "validate"])
def test_every_word_of_the_library_is_one_of_the_command(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = capsys.readouterr().out
    for name, words in CHOICES.items():
        assert f"--{name.replace('_', '-')} {{{','.join(words)}}}" in said


def test_both_spellings_of_the_center_are_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, counts = tike(tmp_path / "a.npz"), []
    for word in ("center", "centre"):
        assert run(capsys, "import", path, "--zero-frequency", word, "--out", tmp_path / f"{word}.npz")[0] == 0
        counts.append(read_dataset(tmp_path / f"{word}.npz").dataset.counts())
    american, british = counts
    np.testing.assert_array_equal(american, british)


def test_what_was_read_before_a_refusal_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tike(tmp_path / "a.npz", data=MARKED[None])
    status, out, err = run(capsys, "import", path, "--out", tmp_path / "new.npz")
    assert status == 2
    assert names(err, N, 65535)
    assert names(out, "a.npz", "probe", "(1, 1, 1, 16, 20)")


def test_a_file_with_a_record_contradicts_what_it_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.npz"
    assert run(capsys, "import", legacy(tmp_path / "a.npz"), "--out", new)[0] == 0
    assert run(capsys, "validate", new, "--values", "amplitude", "--axis-order", "nhw")[0] == 0
    for options in (["--values", "intensity"], ["--axis-order", "hwn"]):
        status, _, err = run(capsys, "validate", new, *options)
        assert status == 2
        assert options[1] in err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("aps-test235/test235_truncated.npz", ["(20, 2)", "probe", "--reader arrays", "--array"]),
        ("petra3-near-field/PETRAIII_P25_Near_Field_Ptycho.cxi", ["HDF5", "--reader CXI"]),
    ],
)
def test_real_files_that_cannot_be_read_say_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: list[str]
) -> None:
    path = Path(__file__).parents[2] / ".." / "shared" / "data" / name
    if not path.exists():
        pytest.skip("../shared/data does not stand beside the project")
    status, _, err = run(capsys, "import", path, "--out", tmp_path / "new.npz")
    assert (status, len(err.splitlines())) == (2, 1)
    assert all(word in err for word in words)
    assert list(tmp_path.iterdir()) == []


def test_orthogonal_modes_are_an_option_of_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mode = legacy_arrays()["probeGuess"]
    path = legacy(tmp_path / "a.npz", probeGuess=np.stack([mode, 0.5 * mode[::-1] + 0.25 * mode]))
    out = tmp_path / "out.npz"
    assert main(["import", str(path), "--out", str(out), "--orthogonal-modes"]) == 0
    assert names(capsys.readouterr().out, "2 modes")
    first, second = (found.astype(np.complex128) for found in read_dataset(out).dataset.modes)
    assert abs(np.vdot(first, second)) < 1e-6 * np.vdot(first, first).real
    out.unlink()
    arguments = ["--out", str(out), "--orthogonal-modes", "--probe-from", str(tmp_path / "fit.npz")]
    assert main(["import", str(path), *arguments]) == 2
    assert main(["import", str(legacy(tmp_path / "b.npz")), "--out", str(out), "--orthogonal-modes"]) == 2
    assert not out.exists()
