"""Providers that come with aivp, as hosts get them: with all that they need, and at work on the oldest Python there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aivp.hosts.bundle import CHUNK, bundle
from aivp.hosts.trial import unpack
from aivp.plugins import Registry
from tests.e2e.determinism.conditions import interpreter

NEEDED = {"image": ("aivp_guest",), "network": ("pyroute2",), "vm": ("aivp_guest", "pycdlib", "qemu")}
INITIALIZE = {
    "protocol": {"major": 1, "minor": 0},
    "caller": {"name": "test", "version": "1"},
    "capabilities": {},
    "configuration": {},
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


@pytest.mark.parametrize("name", NEEDED)
def test_what_they_need_travels(registry: Registry, name: str) -> None:
    entries = bundle(registry.providers[name]).entries
    for package in (*NEEDED[name], f"aivp_{name}", "aivp_sdk", "aivp_contract"):
        assert any(path.startswith(f"{package}/") and path.endswith(".py") for path in entries), package
    assert not [path for path in entries if path.endswith((".pyc", ".so", ".pth")) or "/tests/" in path]


@pytest.mark.parametrize("version", [None, "3.9"])
@pytest.mark.parametrize("name", NEEDED)
def test_they_start(registry: Registry, name: str, version: str | None, tmp_path: Path) -> None:
    """Isolated, so nothing of this environment is in reach; and every module of theirs compiles."""
    python = Path(sys.executable) if version is None else interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    unpack(bundle(registry.providers[name]), tmp_path / "code")
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {**INITIALIZE, "directory": str(tmp_path)}}
    done = subprocess.run(
        [str(python), "-I", "-S", str(tmp_path / "code")],
        input=json.dumps(request) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["result"]["provider"]["name"] == name
    code = "import compileall, sys; sys.exit(not compileall.compile_dir(sys.argv[1], quiet=1))"
    subprocess.run([str(python), "-I", "-c", code, str(tmp_path / "code")], check=True)


def test_hundreds_of_modules_are_few_messages(registry: Registry) -> None:
    found = bundle(registry.providers["network"])
    portions = list(found.portions(found.entries))
    size = sum(int(entry["size"]) for entry in found.entries.values())
    assert len(found.entries) > 200
    assert len(portions) <= 2 + size // CHUNK
    assert [path for portion in portions for path, _, is_first in portion if is_first] == list(found.entries)
