"""Machines from nothing: the example's one apply, a plug that is pulled, and nothing left of it in the end.

In full, since packages come from this machine's own mirror and two systems boot: minutes under TCG.
"""

from __future__ import annotations

import os
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from demo import machines
from tests.e2e.examples.project import Project
from tests.lab.mirror import mirror as found_mirror

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machines")]

CopyExample = Callable[..., Project]
_SECONDS = 1200.0


@pytest.fixture
def project(example: CopyExample, tmp_path: Path) -> Iterator[Project]:
    if reason := machines.missing():
        pytest.skip(reason)
    found = example("07-machines")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = str(one.getsockname()[1])
    mirror = found_mirror(os.environ) or "http://deb.debian.org/debian"
    environ = {**found.environ, "AIVP_VAR_port": port, "AIVP_VAR_mirror": mirror}
    try:
        yield replace(found, environ=environ, seconds=_SECONDS)
    finally:
        machines.end_all(tmp_path)


def page(project: Project) -> str:
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{project.environ['AIVP_VAR_port']}/", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            assert time.monotonic() < until, "nothing answers on the forwarded port"
            time.sleep(0.5)


def test_machines_come_are_mended_and_go(project: Project, tmp_path: Path) -> None:
    project.aivp("apply -y")
    assert page(project).startswith("The database is at 10.77.0.")
    project.nothing_to_do()
    for pid, words in machines.processes(tmp_path).items():
        if "guest=web" in words:
            os.kill(pid, signal.SIGKILL)
    assert "vm.web@lab: it drifted" in project.aivp("drift", code=2)
    project.aivp("apply -y")
    assert page(project).startswith("The database is at 10.77.0.")
    project.nothing_to_do()
    project.aivp("destroy -y")
    assert machines.processes(tmp_path) == {}
    work = tmp_path / "host/work"
    assert [path for path in work.rglob("*") if path.suffix in (".qcow2", ".sock", ".pid")] == []
