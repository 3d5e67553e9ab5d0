"""A provider with a library: it travels to the host, is found there first, and is quick from the second time on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
AIVP = Path(sys.executable).with_name("aivp")
PROVIDER = '''
import time
started = time.perf_counter()
import pyroute2
took = time.perf_counter() - started

from dataclasses import dataclass
from typing import Optional
from aivp_sdk import Kind, Observation, Provider, attribute


@dataclass
class Link:
    """A name."""

    name: str = attribute("Its name.")
    place: Optional[str] = attribute("Where the library lies.", computed=True)


class Links(Kind):
    """Names."""

    name = "wires/link"
    schema = Link
    identity = ("name",)

    def observe(self, item, session):
        (session.directory / "took").write_text(f"{took:.3f}")
        (session.directory / "where").write_text(pyroute2.__file__)
        return Observation(observed={"name": item.desired.name, "place": pyroute2.__file__})


PROVIDER = Provider("wires", "0.1.0", [Links()])
'''
PROJECT = """
aivp: v1
project: wires
hosts: {here: {transport: local}}
resources:
  wires/link.one: {host: here, name: one}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Callable[[], str]:
    """Plan with the provider `wires` installed; what was said."""
    site = tmp_path / "site"
    (site / "aivp_wires").mkdir(parents=True)
    (site / "aivp_wires/__init__.py").write_text("")
    (site / "aivp_wires/provider.py").write_text(PROVIDER)
    metadata = site / "aivp_wires-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: aivp-wires\nVersion: 0.1.0\nRequires-Dist: aivp-sdk\nRequires-Dist: pyroute2\n"
    )
    (metadata / "entry_points.txt").write_text("[aivp.providers]\nwires = aivp_wires:manifest.json\n")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(site),
        "AIVP_HOST_STATE": str(tmp_path / "host"),
    }
    code = "from aivp_wires.provider import PROVIDER; import json; print(json.dumps(PROVIDER.manifest()))"
    done = subprocess.run([sys.executable, "-c", code], env=environ, check=True, stdout=subprocess.PIPE, text=True)
    (site / "aivp_wires/manifest.json").write_text(json.dumps(json.loads(done.stdout)))
    (tmp_path / "aivp.yaml").write_text(PROJECT)

    def run() -> str:
        ran = subprocess.run(
            [AIVP, "-C", str(tmp_path), "plan"], env=environ, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    return run


def test_a_library_travels_and_its_bytecode_stays(plan: Callable[[], str], tmp_path: Path) -> None:
    host = tmp_path / "host"

    def timed() -> tuple[float, float]:
        started = time.perf_counter()
        assert "adopt" in plan()
        return float((host / "work/wires/took").read_text()), time.perf_counter() - started

    first, second = timed(), timed()
    (folder,) = (host / "providers").iterdir()
    assert (folder / "pyroute2/__init__.py").is_file()
    assert list(folder.glob("pyroute2/__pycache__/*.pyc"))
    print(f"import {first[0]:.2f} then {second[0]:.2f} s; plan {first[1]:.2f} then {second[1]:.2f} s")
    assert second[0] < first[0] / 2
    assert (folder / "pyroute2/__init__.py").as_posix() in (tmp_path / "host/work/wires/where").read_text()
