"""Virtual environments with this project and chosen versions of others, from the package index.

They are kept in the folder PTYPROOF_ENVIRONMENTS, or for the session; the project itself is installed anew each time.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

# the oldest versions of pyproject.toml's ranges
OLDEST = (
    "pytest==8.2.*",
    "pytest-xdist==3.6.*",
    "numpy==2.0.*",
    "scipy==1.13.*",
    "jsonschema==4.23.*",
    "jsonschema-rs==0.49.*",
    "referencing==0.35.*",
    "tomlkit==0.13.*",
    "tqdm==4.66.*",
)
NEWEST = (
    "pytest",
    "pytest-xdist",
    "numpy",
    "scipy",
    "jsonschema",
    "jsonschema-rs",
    "referencing",
    "tomlkit",
    "tqdm",
)
CLOCKS = ("freezegun", "time-machine")
PLUGINS = (
    "pytest-cov",
    "pytest-rerunfailures",
    "pytest-randomly",
    "pytest-timeout",
    "pytest-html",
    "pytest-sugar",
    "pytest-asyncio",
    "pytest-repeat",
    "allure-pytest",
)


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    def run(self, *words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run its interpreter to the end, without what the environment of this process says to pytest or Python."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON", "PTYPROOF_"))
        }
        command = [self.python, *words]
        env = inherited | {"PYTHONDONTWRITEBYTECODE": "1"} | variables
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


class Builder:
    """Makes environments below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wheel: Path | None = None

    def made(self, *requirements: str) -> Environment:
        """Return an environment with the requirements and with this project."""
        key = hashlib.sha256("\n".join([sys.version, *requirements]).encode()).hexdigest()[:12]
        made = Environment(self._folder / key)
        done = made.folder / "complete"
        if not done.is_file():
            _checked([sys.executable, "-m", "venv", "--clear", str(made.folder)])
            _checked([made.python, "-m", "pip", "install", "--quiet", "--upgrade", *requirements])
            done.touch()
        _checked([made.python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", str(self._built())])
        return made

    def of_a_user(self, folder: Path) -> Environment:
        """Return a new environment as a user makes one: the wheel and what it asks for, by the constraints."""
        made = Environment(folder)
        _checked([sys.executable, "-m", "venv", str(folder)])
        constraints = str(ROOT / "constraints.txt")
        _checked([made.python, "-m", "pip", "install", "--quiet", "-c", constraints, str(self._built())])
        return made

    def _built(self) -> Path:
        if self._wheel is None:
            place = self._folder / "wheel"
            for old in place.glob("*.whl"):
                old.unlink()
            words = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(place), str(ROOT)]
            _checked([sys.executable, *words])
            (self._wheel,) = place.glob("*.whl")
        return self._wheel


def _checked(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
