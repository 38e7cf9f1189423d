"""`ptyproof foundation`: a training from the command line, its checkpoint, and what it shows and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptyproof.cli import main
from ptyproof.foundation.shipped import BUNDLE
from ptyproof.foundation.training import CHECKPOINT
from ptyproof.io.hashing import sha256_file
from tests.helpers.foundation import write_shared_bundle
from tests.helpers.messages import names

SMALL = ("--stages", "1", "--channels", "2", "--quiet")


def test_a_training_goes_on_from_its_checkpoint_and_leaves_a_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["foundation", "train", "--out", str(tmp_path / "shared"), "--steps", "2", *SMALL]
    assert main([*train, "--seconds", "1e-6"]) == 0
    assert not (tmp_path / "shared" / BUNDLE).exists()
    assert main(train) == 2
    assert names(capsys.readouterr().err, "--resume", CHECKPOINT)
    assert main([*train, "--resume", "--seed", "5"]) == 2
    assert main([*train, "--resume"]) == 0
    capsys.readouterr()
    bundle = tmp_path / "shared" / BUNDLE
    assert main(["foundation", "show", str(bundle)]) == 0
    said = capsys.readouterr().out
    assert names(said, sha256_file(bundle), 2, "siemens", "grains")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--steps", "0"), ("--steps", "0")),
        (("--seconds", "0"), ("--seconds", "0")),
        (("--resume",), ("--resume", CHECKPOINT)),
        (("--accelerator", "tpu"), ("--accelerator", "tpu")),
        (("--threads", "0"), ("--threads", "0")),
        (("--channels", "0"), ("training.network.channels", "0")),
        (("--scans-per-step", "0"), ("foundation.scans_per_step", "0")),
    ],
)
def test_a_bad_option_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], named: tuple[str, ...]
) -> None:
    assert main(["foundation", "train", "--out", str(tmp_path / "new"), *options]) == 2
    assert names(capsys.readouterr().err, *named)
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["foundation", "show", str(tmp_path / "none.safetensors")]) == 2
    assert names(capsys.readouterr().err, "none.safetensors")
    damaged = write_shared_bundle(tmp_path)
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert main(["foundation", "show", str(damaged)]) == 2
