"""What evidence says about its machine: nothing that names it, and with --anonymous nothing that tells its hardware.

A mark distinguishes hosts: a digest of the host name, keyed with secrets of the machine, so that nobody
who holds the evidence can find the name by trying names. The mark of a machine changes when it is started anew, as
the numbers of its processes do.
"""

from __future__ import annotations

import hmac
import os
import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ANONYMOUS = "PTYPROOF_ANONYMOUS"
SECRETS_OF_THE_MACHINE = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
SECRETS_OF_THE_BOOT = (Path("/proc/sys/kernel/random/boot_id"),)
_LENGTH = 12


def is_anonymous() -> bool:
    """Tell whether `--anonymous` was asked for, of this process or of the one that started it."""
    return os.environ.get(ANONYMOUS, "") not in {"", "0"}


@contextmanager
def anonymity(wanted: bool) -> Iterator[None]:
    """Let this process, and those that it starts, be anonymous inside the block if that is `wanted`."""
    before = os.environ.get(ANONYMOUS)
    if wanted:
        os.environ[ANONYMOUS] = "1"
    try:
        yield
    finally:
        if wanted:
            del os.environ[ANONYMOUS]
            os.environ.update({} if before is None else {ANONYMOUS: before})


def host_label() -> str:
    """Return what evidence may call this host: its name, or with `--anonymous` a short mark, as `host-0123456789ab`.

    Two processes of one host get the same label as long as the machine runs.
    """
    return f"host-{host_mark()[:_LENGTH]}" if is_anonymous() else platform.node()


def is_this_host(label: str) -> bool:
    """Tell whether a label that `host_label` gave, anonymous or not, is of this host."""
    return label in {platform.node(), f"host-{host_mark()[:_LENGTH]}"}


def boot_label() -> str | None:
    """Return what evidence may call this boot of the kernel: its id, or with `--anonymous` a mark; None without one."""
    boot = _boot()
    if boot is None:
        return None
    return _boot_mark(boot) if is_anonymous() else boot


def is_this_boot(label: str) -> bool:
    """Tell whether a label that `boot_label` gave, anonymous or not, is of this boot."""
    boot = _boot()
    return boot is not None and label in {boot, _boot_mark(boot)}


def host_mark() -> str:
    """Return the mark of this host since it was started, 64 hexadecimal digits."""
    return _keyed(platform.node(), (*SECRETS_OF_THE_MACHINE, *SECRETS_OF_THE_BOOT))


def hardware_label(name: str) -> str:
    """Return what evidence may call a piece of hardware, a processor say: its name, or with `--anonymous` a mark.

    Equal names have equal marks on one machine, also after it was started anew: whether a result was made on the
    same hardware is still known there, and nowhere else.
    """
    return f"left out ({_keyed(name, SECRETS_OF_THE_MACHINE)[:_LENGTH]})" if is_anonymous() else name


def _boot() -> str | None:
    """Return the id of this boot, which containers on one machine share."""
    return next((text for place in SECRETS_OF_THE_BOOT if (text := _content(place).decode(errors="replace"))), None)


def _boot_mark(boot: str) -> str:
    return f"boot-{_keyed(boot, SECRETS_OF_THE_MACHINE)[:_LENGTH]}"


def _keyed(name: str, secrets: tuple[Path, ...]) -> str:
    return hmac.new(_key(secrets), name.encode(errors="backslashreplace"), "sha256").hexdigest()


@cache
def _key(secrets: tuple[Path, ...]) -> bytes:
    """Return what the machine alone knows; where the system has no such file, the address of its network card."""
    found = [content for content in map(_content, secrets) if content]
    return b"\n".join(found) or uuid.getnode().to_bytes(8, "big")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError:
        return b""
