"""The built wheels in clean environments, by uv and by pip: everything that a command needs is in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.determinism.conditions import interpreter
from tests.packaging.conftest import ROOT, Place, install
from tests.packaging.journey import journey, short_journey

MOST = 45
"""Megabytes of a core installation: 42 today, 15 each of jsonschema-rs and of cryptography, 2 of pyroute2."""

UNREACHED = ("NewConnectionError", "Max retries exceeded", "Temporary failure in name resolution")


def test_a_clean_environment_does_everything(installed: Place) -> None:
    journey(installed, str(installed.bin / "aivp"))


def test_the_core_stays_small(installed: Place) -> None:
    """What commands compile when they first run is not part of it."""
    files = [path for path in installed.site.rglob("*") if path.is_file() and path.suffix not in (".pyc", ".texts")]
    size = sum(path.stat().st_size for path in files) / 1e6
    assert size <= MOST, f"{size:.1f} MB"
    for extra in ("psycopg", "aivp_cue", "opentelemetry"):
        assert not list(installed.site.glob(f"{extra}*")), "an extra is in the core"


def test_what_travels_to_hosts_is_what_a_checkout_sends(installed: Place) -> None:
    """Plans pin the code of providers with their libraries: it is the same, however aivp was installed."""
    code = (
        "from aivp.plugins import Registry; from aivp.hosts.bundle import bundle\n"
        "for provider in Registry.discover().providers.values():\n"
        "    if not provider.is_hosted: print(provider.name, bundle(provider).digest)"
    )
    here = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert [line.split()[0] for line in here.splitlines()] == ["image", "network", "vm"]
    assert installed.run(str(installed.bin / "python"), "-c", code) == here


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_every_python_does_the_same(dist: Path, uv: str, tmp_path: Path, version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    place = Place(tmp_path)
    install(uv, place, dist, "--require-hashes", "-r", "requirements.txt", python=str(python))
    short_journey(place, str(place.bin / "aivp"))


@pytest.mark.slow
def test_the_kit_examines_a_new_provider(dist: Path, uv: str, tmp_path: Path) -> None:
    """Authors install one more wheel."""
    place = Place(tmp_path)
    (kit,) = dist.glob("aivp_conformance-*.whl")
    install(uv, place, dist, "-r", "requirements.txt", f"./{kit.name}")
    aivp = str(place.bin / "aivp")
    place.run(aivp, "providers", "new", "acme")
    assert "passed" in place.run(aivp, "providers", "test", "aivp-provider-acme")


def test_uv_tool_installs_a_command(dist: Path, uv: str, tmp_path: Path) -> None:
    (wheel,) = dist.glob("aivp-*.whl")
    tools = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin"), "UV_SYSTEM_CERTS": "1"}
    words = [uv, "tool", "install", "--python", sys.executable, "--with-requirements", "requirements.txt"]
    done = subprocess.run(
        [*words, f"./{wheel.name}"], cwd=dist, env={**os.environ, **tools}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    short_journey(Place(tmp_path), str(tmp_path / "bin/aivp"))


@pytest.mark.parametrize("way", ["names", pytest.param("digests", marks=pytest.mark.slow)])
def test_pip_does_the_same(dist: Path, tmp_path: Path, way: str) -> None:
    place = Place(tmp_path)
    (wheel,) = dist.glob("aivp-*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(place.folder / "env")], check=True)
    words = {
        "names": ["--find-links", ".", f"./{wheel.name}"],
        "digests": ["--require-hashes", "-r", "requirements.txt"],
    }
    done = subprocess.run(
        [str(place.bin / "python"), "-m", "pip", "install", "--quiet", *words[way]],
        cwd=dist,
        capture_output=True,
        text=True,
        check=False,
    )
    if any(sign in done.stderr for sign in UNREACHED):
        pytest.skip("PyPI cannot be reached: pip has no libraries to install")
    assert done.returncode == 0, done.stderr
    ours = json.loads(place.run(str(place.bin / "aivp"), "version", "--json"))["packages"]
    assert {item["name"] for item in ours} == {
        "aivp-contract",
        "aivp-guest",
        "aivp-provider-host",
        "aivp-provider-image",
        "aivp-provider-network",
        "aivp-provider-vm",
        "aivp-runner",
        "aivp-sdk",
    }
    short_journey(place, str(place.bin / "aivp"))


def test_nothing_of_the_checkout_is_needed(installed: Place) -> None:
    """Or the other tests here would prove nothing."""
    if os.geteuid() == 0:
        assert installed.run("ls", "-A", str(ROOT)) == ""
    said = installed.run(str(installed.bin / "python"), "-c", "import sys; print(*sys.path)")
    assert str(ROOT) not in said
