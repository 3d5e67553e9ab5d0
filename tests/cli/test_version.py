"""What aivp says that it is made of: true of this installation, also where parts are missing."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aivp import __version__
from aivp.cli.made_of import made_of
from tests import schemas

AIVP = str(Path(sys.executable).with_name("aivp"))


def version(*words: str, **given: str) -> str:
    done = subprocess.run([AIVP, "version", *words], env={**os.environ, **given}, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def told(**given: str) -> dict[str, Any]:
    (line,) = schemas.check_lines(["--json"], version("--json", **given))
    return line


def test_everything_is_what_is_installed() -> None:
    found = told()
    assert found["version"] == __version__
    assert found["executable"] == sys.executable
    assert [item["name"] for item in found["packages"]] == [
        "aivp-contract",
        "aivp-guest",
        "aivp-provider-host",
        "aivp-provider-image",
        "aivp-provider-network",
        "aivp-provider-vm",
        "aivp-runner",
        "aivp-sdk",
    ]
    libraries = {item["name"]: item["version"] for item in found["libraries"]}
    assert {"click", "cffi", "pyyaml", "markupsafe"} <= libraries.keys(), "what libraries bring along, too"
    for name, number in libraries.items():
        assert number == importlib.metadata.version(name)
    (host,) = (item for item in found["providers"] if item["name"] == "host")
    assert Path(host["folder"]).joinpath("manifest.json").is_file()


def test_optional_parts_are_there_or_not() -> None:
    found = {extra["name"]: extra for extra in told()["extras"]}
    assert {"cue", "postgres"} <= found.keys()
    for extra in found.values():
        assert extra["is_complete"] == all(part["version"] for part in extra["parts"])
        assert extra["parts"], extra["name"]


def test_without_a_cue_it_says_why() -> None:
    found = told(AIVP_CUE="./cue")["cue"]
    assert (found["path"], found["version"]) == (None, None)
    assert "AIVP_CUE" in found["why"]
    assert found["why"] in " ".join(version(AIVP_CUE="./cue").split())


def test_text_is_as_wide_as_the_terminal_and_digests_stay_whole() -> None:
    text = version(COLUMNS="60")
    assert told()["runner"] in text.split()
    assert all(len(line) <= 60 or len(line.split()) <= 4 for line in text.splitlines())


def test_the_commit_is_the_one_that_the_build_wrote_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert made_of().commit is None, "a checkout has its git"
    (tmp_path / "cli").mkdir()
    (tmp_path / "commit.txt").write_text("0123456789abcdef0123456789abcdef01234567+\n")
    monkeypatch.setattr("aivp.cli.made_of.__file__", str(tmp_path / "cli/made_of.py"))
    assert made_of().commit == "0123456789abcdef0123456789abcdef01234567+"


def test_an_installation_from_git_knows_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip and uv write down then: PEP 610."""
    origin = {"url": "https://git.example/aivp", "vcs_info": {"vcs": "git", "commit_id": "ab" * 20}}
    monkeypatch.setattr(importlib.metadata.PathDistribution, "read_text", lambda self, name: json.dumps(origin))
    from aivp.cli import made_of as module

    assert module._commit() == "ab" * 20
