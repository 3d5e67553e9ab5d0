"""A network in user mode through the real aivp: nothing of it needs a privilege, and nothing of it stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

AIVP = Path(sys.executable).with_name("aivp")
PROJECT = """
aivp: v1
project: nets
hosts: {lab: {transport: local}}
resources:
  network.lab: {host: lab, mode: user, cidr: CIDR}
  noop.note: {host: lab, input: "${network.lab.path}"}
"""

Run = Callable[..., str]


@pytest.fixture
def aivp(tmp_path: Path) -> Run:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AIVP_HOST_STATE": str(tmp_path / "host")}

    def run(*words: str, code: int = 0) -> str:
        done = subprocess.run([AIVP, *words], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def declare(folder: Path, cidr: str) -> None:
    (folder / "aivp.yaml").write_text(PROJECT.replace("CIDR", cidr))


def test_a_network_comes_is_as_declared_and_goes(aivp: Run, tmp_path: Path) -> None:
    declare(tmp_path, "10.77.0.0/24")
    aivp("apply", "-y")
    work = tmp_path / "host/work/network"
    assert (work / "networks/lab/network.json").is_file()
    said = subprocess.run(
        ["python3", "-I", str(work / "networks/lab/port.py"), "leases"], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    aivp("plan", "--detailed-exitcode")
    aivp("destroy", "-y")
    assert not [path for path in work.rglob("*") if path.is_file() and "lab" in path.parts]


def test_a_declaration_that_cannot_be_blocks_its_own(aivp: Run, tmp_path: Path) -> None:
    declare(tmp_path, "10.77.0.0/33")
    said = aivp("plan")
    assert "network.lab@lab" in said
    assert "noop.note@lab: it needs network.lab@lab, which is blocked" in said


def test_a_name_that_is_wrong_says_which_one_is_meant(aivp: Run, tmp_path: Path) -> None:
    declare(tmp_path, "10.77.0.0/24")
    path = tmp_path / "aivp.yaml"
    path.write_text(path.read_text() + '  vm.web: {host: lab, image: "${network.lab}"}\n')
    said = aivp("validate", code=1)
    assert "image takes a resource of the kind image, and ${network.lab} is of the kind network." in said
