"""Calls of the command line in this process."""

from __future__ import annotations

from typing import Any

import pytest

from ptyproof.cli import main


def refused(capsys: pytest.CaptureFixture[str], argv: list[Any]) -> str:
    """Run a command that must be refused with one sentence and exit status 2; return the sentence."""
    try:
        status = main([str(arg) for arg in argv])
    except SystemExit as error:  # argparse
        status = error.code if isinstance(error.code, int) else 1
    said = capsys.readouterr()
    assert status == 2, said
    assert said.out == ""
    sentence = said.err.strip().splitlines()[-1]
    assert sentence.startswith("ptyproof")
    assert "Traceback" not in said.err
    return sentence
