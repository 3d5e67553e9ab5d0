"""`make dist`: the same files give the same bytes, and what it says of them is true."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from aivp import __version__
from aivp.config.cue import VERSION as CUE
from tests.packaging.conftest import ROOT, build


def test_two_builds_are_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    """At another time, in another place, by somebody with another umask, zone and language."""
    words = [] if list(dist.glob("aivp_cue-*.whl")) else ["--without-cue"]
    script = 'umask 077; cd "$0"; exec "$@"'
    command = ["sh", "-c", script, str(ROOT), str(ROOT / ".venv/bin/python"), "-m", "packages"]
    output = tmp_path / "again"
    given = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "TMPDIR": str(tmp_path)}
    subprocess.run(
        ["env", *(f"{name}={value}" for name, value in given.items()), *command, "-o", str(output), *words],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in (dist, output))
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_what_lies_about_does_not_get_in(tmp_path: Path) -> None:
    """Only what git would add: neither caches nor ignored files; a changed file is told by the commit."""
    copy = tmp_path / "copy"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(copy)], check=True)
    (copy / "aivp/__pycache__").mkdir(exist_ok=True)
    (copy / "aivp/__pycache__/x.cpython-311.pyc").write_bytes(b"compiled")
    shutil.copytree(ROOT / "packages", copy / "packages", dirs_exist_ok=True)
    subprocess.run(["git", "-C", str(copy), "checkout", "--quiet", "."], check=True)
    code = (
        "import sys; from pathlib import Path; from packages.stage import stage; print(stage(Path(sys.argv[1])).commit)"
    )

    def commit(place: str) -> str:
        command = [str(ROOT / ".venv/bin/python"), "-c", code, str(tmp_path / place)]
        return subprocess.run(command, cwd=copy, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    head = subprocess.run(["git", "-C", str(copy), "rev-parse", "HEAD"], stdout=subprocess.PIPE, text=True, check=True)
    assert commit("clean") == head.stdout.strip()
    assert not list((tmp_path / "clean").rglob("*.pyc"))
    assert (tmp_path / "clean/providers/sdk/LICENSE").read_text() == (ROOT / "LICENSE").read_text(), "no link"
    (copy / "aivp/fresh.py").write_text('"""New."""\n')
    assert commit("changed") == head.stdout.strip() + "+"
    assert (tmp_path / "changed/aivp/fresh.py").is_file()


def test_the_sums_are_those_of_the_files(dist: Path) -> None:
    lines = [line.split("  ") for line in (dist / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in lines} == {path.name for path in dist.iterdir()} - {"SHA256SUMS"}
    for sum_, name in lines:
        assert hashlib.sha256((dist / name).read_bytes()).hexdigest() == sum_


def test_lists_to_install_from_know_every_file(dist: Path) -> None:
    for path in dist.glob("requirements*.txt"):
        entries = re.split(r"\n(?=\S)", path.read_text().strip())
        assert len(entries) > 10
        assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
        ours = [entry for entry in entries if re.match(r"\W*aivp", entry)]
        assert len(ours) == 9 + (path.name == "requirements-cue.txt")
        assert [entry for entry in ours if not entry.startswith("./")] == [], "by name, a stranger's could come"


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(AssertionError, match=r"thesis\.txt"):
        build(tmp_path, "--without-cue")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_versions_agree() -> None:
    """They are released together; cue's stands in four places."""
    for path in (
        ROOT / "pyproject.toml",
        *ROOT.glob("providers/*/pyproject.toml"),
        ROOT / "conformance/pyproject.toml",
    ):
        assert tomllib.loads(path.read_text())["project"]["version"] == __version__, path
    carrier = tomllib.loads((ROOT / "packages/cue/pyproject.toml").read_text())["project"]
    assert f"v{carrier['version']}" == CUE
    assert f"cue_version={CUE}\n" in (ROOT / "scripts/setup").read_text()
    assert f"cuelang.org/go {CUE}" in (ROOT / "packages/cue/go.mod").read_text()
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["cue"]
    major, minor, _ = carrier["version"].split(".")
    assert extra == [f"aivp-cue>={carrier['version']},<{major}.{int(minor) + 1}"], "what find_cue takes"
