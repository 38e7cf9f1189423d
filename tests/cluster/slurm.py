"""A real Slurm with two nodes on this machine: its own keys, ports and folder, nothing in /etc, no systemd.

    python -m tests.cluster.slurm

starts one, and a shell in it. Each daemon has a host of its own: namespaces for the host's name and for processes. When
the first process of such a namespace dies, the kernel kills all others in it: so a node dies with its jobs, and so
nothing is left, also of a test run that was killed.

The hosts share the network of the machine and its files. It needs root, and the Debian packages `slurm-wlm` and
`munge`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

NODES = ("node1", "node2")
_HEAD, _KEYS = "head", "keys"  # the hosts of the controller and of the service that signs its messages
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "unshare", "setpriv")
_PATIENCE_S = 30.0
_LONGEST_FOLDER = 70  # bytes with which the names of sockets in it fit: the system allows 107

# a node that is silent for 10 s is down, and its jobs are lost; one that comes back is used again
CONFIGURATION = """\
ClusterName=ptyproof
SlurmctldHost={head}(127.0.0.1)
SlurmctldPort={head_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdSpoolDir={folder}/%n
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
MpiDefault=none
DefMemPerCPU=500
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1,sched_interval=1
SlurmctldTimeout=10
SlurmdTimeout=10
ReturnToService=2
KillWait=2
OverTimeLimit=0
{nodes}
PartitionName=short Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
_NODE = "NodeName={name} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=4000 State=UNKNOWN"


def missing() -> str | None:
    """Return why no Slurm can be started here, None if one can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "a Slurm of its own needs root on Linux"
    absent = [name for name in _PROGRAMS if _program(name) is None]
    if absent:
        return f"a Slurm of its own needs {', '.join(absent)}: apt-get install slurm-wlm munge"
    tried = subprocess.run([*_namespaces("tried"), "true"], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"no namespaces of its own: {tried.stderr.strip()}"


class Slurm:
    """A running Slurm.

    Parameters
    ----------
    folder
        Its files, among them `slurm.conf` and a log of each daemon.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hosts: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The environment of this process, in which `sbatch` and the like find this Slurm."""
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
        return outer | {"SLURM_CONF": str(self._folder / "slurm.conf")}

    def ask(self, *command: str) -> str:
        """Return what a command such as `squeue` prints; its failure is an error."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, cwd=self._folder)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout.strip()

    def jobs(self) -> dict[int, str]:
        """Return the state of each job: `PENDING`, `RUNNING`, `COMPLETED`, `CANCELLED`, `FAILED`, `NODE_FAIL`."""
        lines = self.ask("squeue", "--noheader", "--states=all", "--format=%i %T").splitlines()
        return {int(number): state for number, state in (line.split() for line in lines)}

    def running_on(self, node: str) -> list[int]:
        """Return the jobs that run on a node."""
        found = self.ask("squeue", "--noheader", "--states=running", f"--nodelist={node}", "--format=%i")
        return [int(number) for number in found.split()]

    def nodes(self) -> dict[str, str]:
        """Return the state of each node: `idle`, `mixed`, `allocated`, `down`."""
        lines = self.ask("sinfo", "--noheader", "--Node", "--format=%N %T").splitlines()
        return {name: state.rstrip("*") for name, state in (line.split() for line in lines)}

    def start_node(self, name: str) -> None:
        """Start a node, and wait until jobs can run on it."""
        self._start(name, _found("slurmd"), "-D", "-N", name)
        wait_until(lambda: self.nodes()[name] == "idle", f"{name} is idle")

    def kill_node(self, name: str) -> None:
        """Kill a node with all processes of its jobs, as a power failure does."""
        host = self._hosts.pop(name)
        for first in _children(host.pid):
            os.kill(first, 9)
        host.wait()

    def _begin(self) -> None:
        """Write the configuration and start all hosts."""
        for name in ("state", *NODES):
            (self._folder / name).mkdir()
        head_port, *ports = _free_ports(1 + len(NODES))
        nodes = "\n".join(_NODE.format(name=name, port=port) for name, port in zip(NODES, ports, strict=True))
        (self._folder / "slurm.conf").write_text(
            CONFIGURATION.format(head=_HEAD, head_port=head_port, folder=self._folder, nodes=nodes), encoding="utf-8"
        )
        key = self._folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        files = [f"--{part}-file={self._folder}/munge.{part}" for part in ("key", "log", "pid", "seed")]
        self._start(_KEYS, _found("munged"), "--foreground", "--force", f"--socket={self._folder}/munge.socket", *files)
        wait_until((self._folder / "munge.socket").exists, "munged listens")
        self._start(_HEAD, _found("slurmctld"), "-D")
        for name in NODES:
            self._start(name, _found("slurmd"), "-D", "-N", name)
        wait_until(self._is_up, "all nodes are idle")

    def _is_up(self) -> bool:
        for name, host in self._hosts.items():
            assert host.poll() is None, (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        pinged = subprocess.run(["scontrol", "ping"], env=self.environment, capture_output=True)
        return pinged.returncode == 0 and set(self.nodes().values()) == {"idle"}

    def _end(self) -> None:
        for name in reversed(list(self._hosts)):
            self.kill_node(name)

    def _start(self, name: str, *command: str) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._hosts[name] = subprocess.Popen(
                [*_namespaces(name), *command],
                env=self.environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


@contextmanager
def running(folder: Path) -> Iterator[Slurm]:
    """Start a Slurm whose files are in an empty folder; when the block ends, all of its processes have ended."""
    assert len(os.fsencode(folder)) <= _LONGEST_FOLDER, f"the name of {folder} is too long for sockets in it"
    slurm = Slurm(folder)
    with ExitStack() as held:
        held.callback(slurm._end)
        slurm._begin()
        yield slurm


def wait_until(is_so: Callable[[], object], what: str, longest_s: float = _PATIENCE_S, every_s: float = 0.1) -> None:
    """Wait until something is so; an AssertionError says what is not, after the longest time."""
    deadline = time.monotonic() + longest_s
    while not is_so():
        assert time.monotonic() < deadline, f"after {longest_s:g} s it is not so that {what}"
        time.sleep(every_s)


def _namespaces(name: str) -> list[str]:
    """Return the words before a command that runs on a host of its own, which dies with the process that started it."""
    unshare = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return ["setpriv", "--pdeathsig=KILL", *unshare, "sh", "-c", f'hostname {name} && exec "$@"', "sh"]


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def _found(name: str) -> str:
    path = _program(name)
    assert path is not None
    return path


def _free_ports(n: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [one.getsockname()[1] for one in sockets]


def main() -> None:
    """Start a Slurm and a shell in it; both end together."""
    reason = missing()
    if reason is not None:
        sys.exit(reason)
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, running(Path(folder)) as slurm:
        print(f"Slurm with {' and '.join(NODES)}, its files are in {folder}; the end of this shell is its end")
        subprocess.run([os.environ.get("SHELL", "/bin/sh")], env=slurm.environment)


if __name__ == "__main__":
    main()
