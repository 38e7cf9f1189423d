"""Text that goes into evidence says nothing of where and by whom it was made: paths, names and secrets are left out.

Known places become words in braces: `{hub}`, `{root}` (of the tests), `{cwd}`, `{tmp}`, `{home}`, `{python}` and
`{ptyproof}` (where they are installed). Other absolute paths keep their last name, as `{elsewhere}/base.npz`. User and
host become `{user}` and `{host}`, and values of environment variables that are named as secrets `{secret}`. System
folders that every machine has stay, and so do user and host names that many machines have.
"""

from __future__ import annotations

import getpass
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

_ABSOLUTE = re.compile(
    r"(?<![\w:/.\\})\]~*%+-])/(?!(?:dev|proc|sys|usr|etc|bin|lib|lib64)/)(?:[\w.@+~=-]+/)+([\w.@+~=-]*)"
)
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|PRIVATE|_KEY$|_AUTH$", re.IGNORECASE)
_SECRET_LENGTH = 6
_NAMES_OF_MANY = frozenset(
    {"root", "user", "users", "admin", "test", "tests", "guest", "nobody", "runner", "ubuntu", "debian", "docker"}
    | {"jenkins", "build", "builder", "localhost", "host", "node", "default", "linux", "data", "work", "worker"}
)
_WORD_LENGTH = 2  # no place is shorter, nor is a name or a secret
_NAME_LENGTH = 4  # shorter ones would be found in words that are no names


class Redaction:
    """Leaves out of text what it must not say; see the module.

    Parameters
    ----------
    hub
        Folder of the evidence.
    root
        Folder that the tests of a run are named from, where there is one.
    """

    def __init__(self, hub: Path, root: Path | None = None) -> None:
        words = dict(_places(hub, root))
        words |= telling_names()
        words |= dict.fromkeys(_secrets(os.environ), "{secret}")
        self._words = words
        longest_first = sorted(words, key=len, reverse=True)
        self._known = re.compile(r"(?<![\w.])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w-])")

    def clean(self, text: str) -> str:
        """Return a text without what it must not say; a cleaned text stays as it is."""
        if len(text) < _WORD_LENGTH:  # as the dot of a test that passed
            return text
        text = self._known.sub(lambda found: self._words[found[0]], text)
        return _ABSOLUTE.sub(lambda found: f"{{elsewhere}}/{found[1]}", text)

    def cleaned(self, value: Any) -> Any:
        """Return a JSON value with every text in it cleaned, keys of objects apart."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, Mapping):
            return {key: self.cleaned(part) for key, part in value.items()}
        return [self.cleaned(part) for part in value] if isinstance(value, list | tuple) else value


def telling_names() -> dict[str, str]:
    """Return the names of user and host that few machines have, and the words that stand for them."""
    users = {name: "{user}" for name in _users() if _is_telling(name)}
    hosts = (platform.node(), platform.node().partition(".")[0])
    return users | {name: "{host}" for name in hosts if _is_telling(name)}


def redaction(hub: Path, root: Path | None = None) -> Redaction:
    """Return the redaction for a hub in this process's folder and environment."""
    secrets = tuple(sorted(_secrets(os.environ)))
    return _made(hub, root, Path.cwd(), os.environ.get("HOME"), tempfile.gettempdir(), secrets)


@lru_cache(maxsize=8)
def _made(hub: Path, root: Path | None, *_: object) -> Redaction:
    return Redaction(hub, root)


def _places(hub: Path, root: Path | None) -> Iterator[tuple[str, str]]:
    """Yield every way to write a known place, and its word; the first word of a place is the one that counts."""
    here = Path.cwd()
    package = Path(__file__).resolve().parents[2]
    folders: list[tuple[Path | None, str]] = [
        *((folder, "{tmp}") for folder in (Path(tempfile.gettempdir()),)),
        *((folder, "{home}") for folder in _homes()),
        *((package, "{ptyproof}"), (package.parent, "{ptyproof}")),
        *((Path(folder), "{python}") for folder in (sys.base_prefix, sys.prefix)),
        *((here, "{cwd}"), (root, "{root}"), (hub, "{hub}")),
    ]
    for folder, word in folders:  # a later one of the same folder says more
        if folder is None:
            continue
        for path in {str(folder.absolute()), str(folder.resolve())}:
            if len(Path(path).parts) < 2 or (word == "{python}" and path in {"/usr", "/usr/local"}):
                continue
            yield path, word
            for base in {str(here), str(here.resolve()), *([] if root is None else [str(root)])}:
                climbing = os.path.relpath(path, base)
                if climbing.startswith("../") and Path(climbing).name != "..":
                    yield climbing, word


def _homes() -> Iterator[Path]:
    try:
        yield Path.home()
    except RuntimeError:  # the home folder is unknown
        return


def _users() -> set[str]:
    try:
        found = {getpass.getuser()}
    except (OSError, KeyError, ImportError):  # the user of a container may have no name
        found = set()
    return found | {os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")}


def _secrets(environment: Mapping[str, str]) -> set[str]:
    return {value for name, value in environment.items() if _SECRET.search(name) and len(value) >= _SECRET_LENGTH}


def _is_telling(name: str) -> bool:
    return len(name) >= _NAME_LENGTH and name.lower() not in _NAMES_OF_MANY
