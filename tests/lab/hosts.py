"""A throwaway systemd host that runs: its byte channel, commands and files in it, power off and on again.

Knows nothing of aivp: what a test does over the channel is its own business.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.lab import instances
from tests.lab.errors import CommandFailed, LabError, NotReady
from tests.lab.instances import Instance
from tests.lab.processes import Owner, ended_within, owner, processes_with_argument, send
from tests.lab.recipe import REPOSITORY_MOUNT

_READY_SECONDS = 60.0
_POWEROFF_SECONDS = 30.0
_COMMAND_SECONDS = 120.0
_NSPAWN_POWEROFF = signal.SIGRTMIN + 4

# All that a command in the host sees of an environment; nothing of the caller's gets in.
_ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "USER=root",
    "LOGNAME=root",
    "LANG=C.UTF-8",
)


class Host:
    """A throwaway host, running unless it was powered off."""

    starts_with: tuple[str, ...] = ("--boot",)
    """How nspawn finds what to start, and the command where it is none of the root's own."""
    command: tuple[str, ...] = ()
    is_systemd = True

    def __init__(self, instance: Instance, packages: Path, on_boot: Callable[[int], None] | None = None) -> None:
        """`on_boot` is told the process id of init at each start, before the host is ready."""
        self._instance = instance
        self._packages = packages
        self._on_boot = on_boot
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    @property
    def name(self) -> str:
        """Name of the host, which is also its host name."""
        return self._instance.name

    @property
    def suite(self) -> str:
        return self._instance.suite

    @property
    def root(self) -> Path:
        """The host's file system from outside, also while it is off; without what is in memory there (/run, /tmp)."""
        return self._instance.merged

    @property
    def console(self) -> Path:
        """The file that its console writes to."""
        return self._instance.console

    @property
    def is_running(self) -> bool:
        """Whether it was started and not switched off since."""
        return self._pid is not None

    @property
    def pid(self) -> int:
        """Its init, as a process id out here; LabError while the host is off."""
        if self._pid is None:
            raise LabError(f"The host {self.name!r} is off.")
        return self._pid

    @property
    def argv(self) -> list[str]:
        """The byte channel: put a command behind it. It runs as root, in /, with a fixed environment."""
        return channel(self.pid)

    def run(
        self,
        argv: Sequence[str],
        input: str | None = None,  # noqa: A002 - as subprocess.run calls it
        check: bool = True,
        timeout: float = _COMMAND_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; CommandFailed, which shows its output, unless it ends with 0."""
        done = subprocess.run(
            [*self.argv, *argv],
            stdin=subprocess.DEVNULL if input is None else None,
            input=input,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise CommandFailed(subprocess.CompletedProcess(list(argv), done.returncode, done.stdout, done.stderr))
        return done

    def write(self, path: str, text: str) -> None:
        """Write a file of the host; folders on the way to it are made."""
        script = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1"'
        self.run(["sh", "-c", script, "sh", path], input=text)

    def read(self, path: str) -> str:
        """The text of a file of the host."""
        return self.run(["cat", "--", path]).stdout

    def start(self, timeout: float = _READY_SECONDS) -> None:
        """Boot, also again after `poweroff` or `kill`; back when systemd says `running`, else NotReady says why."""
        deadline = time.monotonic() + timeout
        self._nspawn = _launch(
            self._instance, [*_nspawn(self._instance, self._packages, self.starts_with), *self.command]
        )
        while self._pid is None:
            self._pause(deadline, "init did not start")
            self._pid = instances.leader(self._instance)
        if self._on_boot is not None:
            self._on_boot(self._pid)
        self._await_ready(deadline)

    def poweroff(self, timeout: float = _POWEROFF_SECONDS) -> None:
        """Shut down in order and wait for it; the host can be started again."""
        send(self.pid, _NSPAWN_POWEROFF)
        nspawn = self._require_nspawn()
        if not ended_within(nspawn, timeout):
            raise LabError(f"The host {self.name!r} did not power off.\n{self._last_words()}")
        self._forget_processes()

    def kill(self) -> None:
        """Take its power away; the host can be started again."""
        instances.stop(self._instance)
        self._forget_processes()

    def reboot(self, timeout: float = _READY_SECONDS) -> None:
        """Power off and start; files, machine id and layer stay."""
        self.poweroff()
        self.start(timeout)

    def detach(self, to_pid: int | None = None) -> Owner:
        """Let the host live on when this process ends: it belongs to `to_pid` then, or to itself; to whom."""
        new_owner = owner(to_pid or self._require_nspawn())
        self._instance = instances.hand_over(self._instance, new_owner)
        return new_owner

    def remove(self) -> None:
        """End the host and remove all that is left of it."""
        instances.remove(self._instance)
        self._forget_processes()

    def _await_ready(self, deadline: float) -> None:
        while (state := self._state(deadline)) != "running":
            if state == "degraded":
                raise NotReady(f"Units of the host {self.name!r} failed:\n{self._failed_units()}")
            self._pause(deadline, f"systemd is {state or 'silent'}")

    def _state(self, deadline: float) -> str:
        seconds = max(deadline - time.monotonic(), 0.1)
        try:
            done = self.run(["systemctl", "is-system-running", "--wait"], check=False, timeout=seconds)
        except subprocess.TimeoutExpired:
            return "still starting"
        return done.stdout.strip()

    def _failed_units(self) -> str:
        failed = self.run(["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager"]).stdout
        names = [line.split()[0] for line in failed.splitlines()]
        status = self.run(["systemctl", "status", "--no-pager", "--lines=10", *names], check=False).stdout
        return f"{failed}\n{status}"

    def _pause(self, deadline: float, why: str) -> None:
        nspawn = self._nspawn
        if nspawn is not None and nspawn.poll() is not None:
            raise NotReady(f"The host {self.name!r} ended while it started.\n{self._last_words()}")
        if time.monotonic() > deadline:
            raise NotReady(f"The host {self.name!r} was not ready in time: {why}.\n{self._last_words()}")
        time.sleep(0.02)

    def _last_words(self) -> str:
        return "\n".join(self.console.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])

    def _require_nspawn(self) -> int:
        found = processes_with_argument(instances.nspawn_directory(self._instance))
        if not found:
            raise LabError(f"The host {self.name!r} is off.")
        return found[0]

    def _forget_processes(self) -> None:
        if self._nspawn is not None:
            self._nspawn.wait()
        self._nspawn = self._pid = None


def channel(pid: int) -> list[str]:
    """The argv that runs a command in the host whose init is `pid`."""
    return ["nsenter", f"--target={pid}", "--all", "--", "/usr/bin/env", "-i", *_ENVIRONMENT]


def _launch(instance: Instance, nspawn: Sequence[str]) -> subprocess.Popen[bytes]:
    """nspawn in the host's own control groups and a session of its own, so that Ctrl-C reaches the test only."""
    enter = "".join(f'echo $$ > "${number}"\n' for number, _ in enumerate(instance.cgroups, 1))
    script = f'set -e\n{enter}shift {len(instance.cgroups)}\nexec "$@"'
    groups = [str(group / "cgroup.procs") for group in instance.cgroups]
    with instance.console.open("ab") as console:
        return subprocess.Popen(
            ["/bin/sh", "-c", script, "sh", *groups, *nspawn],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            cwd="/",
            start_new_session=True,
        )


def _nspawn(instance: Instance, packages: Path, starts_with: Sequence[str]) -> list[str]:
    return [
        shutil.which("systemd-nspawn") or "systemd-nspawn",
        *(*starts_with, "--quiet", "--register=no", "--keep-unit", "--settings=no"),
        instances.nspawn_directory(instance),
        f"--machine={instance.name}",
        # A network namespace with nothing but loopback; the kernel removes it with the host's last process.
        "--private-network",
        *("--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=read-only"),
        f"--bind-ro={packages}:{REPOSITORY_MOUNT}",
    ]
