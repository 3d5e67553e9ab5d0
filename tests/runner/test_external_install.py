"""Bundles of third-party providers on a host: whole and as announced, or not there."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aivp_runner import bytecode
from aivp_runner.installed import Installation, NotInstalled, choose
from aivp_runner.service import Refusal, Service
from aivp_sdk.process import Session

from tests.runner.test_external import MANIFEST

FILES = {"bin/run": b"#!/bin/sh\nexit 3\n", "lib.py": b"x = 1\n"}
ARGV = ["{folder}/bin/run", "{folder}"]


def entries(files: Mapping[str, bytes] = FILES) -> dict[str, dict[str, Any]]:
    return {
        path: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "executable": path.startswith("bin/")}
        for path, data in files.items()
    }


def take(installation: Installation, files: Mapping[str, bytes] = FILES) -> None:
    for path in installation.missing():
        installation.take(path, base64.b64encode(files[path]).decode(), is_first=True)


def installed(base: Path, files: Mapping[str, bytes] = FILES) -> Installation:
    found = Installation(base, entries(files), ARGV)
    take(found, files)
    found.finish()
    assert found.missing() == []
    return found


def test_appears_whole(tmp_path: Path) -> None:
    found = installed(tmp_path)
    assert {str(p.relative_to(found.folder)) for p in found.folder.rglob("*") if p.is_file()} == set(FILES)
    assert [path.name for path in found.providers.iterdir()] == [found.folder.name], "something is left over"
    assert os.access(found.folder / "bin/run", os.X_OK)
    assert found.complete_argv() == [f"{found.folder}/bin/run", str(found.folder)]


def test_bytes_that_were_not_announced(tmp_path: Path) -> None:
    found = Installation(tmp_path, entries(), ARGV)
    take(found, {**FILES, "lib.py": b"x = 2\n"})
    with pytest.raises(NotInstalled, match=r"lib\.py is not what was announced"):
        found.finish()
    assert list(found.providers.iterdir()) == []


def test_an_upload_that_broke_off(tmp_path: Path) -> None:
    found = Installation(tmp_path, entries(), ARGV)
    found.missing()
    found.take("bin/run", base64.b64encode(FILES["bin/run"][:4]).decode(), is_first=True)
    with pytest.raises(NotInstalled, match=r"bin/run is not what was announced"):
        found.finish()


def test_what_a_dead_session_left_is_not_taken_over(tmp_path: Path) -> None:
    """Its process id may come again."""
    found = Installation(tmp_path, entries(), ARGV)
    found.partial.mkdir(parents=True)
    (found.partial / "json.py").write_text("stale")
    take(found)
    found.finish()
    assert not (found.folder / "json.py").exists()


def test_more_bytes_than_announced(tmp_path: Path) -> None:
    found = Installation(tmp_path, entries(), ARGV)
    with pytest.raises(NotInstalled, match="longer than announced"):
        found.take("lib.py", base64.b64encode(b"y" * 100).decode(), is_first=True)


@pytest.mark.parametrize("path", ["../out", "/etc/out", "a/../../out", "a\0b", ""])
def test_paths_stay_inside(tmp_path: Path, path: str) -> None:
    with pytest.raises(NotInstalled, match="outside of its folder"):
        Installation(tmp_path, {path: entries()["lib.py"]}, ["{folder}"])


def test_a_file_that_was_not_announced(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match="not a file of it"):
        Installation(tmp_path, entries(), ARGV).take("../../out", "", is_first=True)


TAMPERED = {
    "other bytes": lambda folder: (folder / "lib.py").write_bytes(b"x = 3\n"),
    "a module more": lambda folder: (folder / "json.py").write_text("import os"),
    "a file less": lambda folder: (folder / "lib.py").unlink(),
    "a link": lambda folder: (
        (folder / "lib.py").rename(folder.parent / "kept"),
        (folder / "lib.py").symlink_to("../kept"),
    ),
    "a linked folder": lambda folder: (folder / "more").symlink_to("/etc"),
    "not executable": lambda folder: (folder / "bin/run").chmod(0o600),
    "a file in its place": lambda folder: (folder.rename(folder.parent / "gone"), folder.write_text("")),
    "a link in its place": lambda folder: (folder.rename(folder.parent / "gone"), folder.symlink_to("gone")),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_tampered_with_comes_again(tmp_path: Path, how: str) -> None:
    found = installed(tmp_path)
    TAMPERED[how](found.folder)
    assert found.missing() == found.paths
    take(found)
    found.finish()
    assert found.missing() == []
    assert (found.folder / "lib.py").read_bytes() == FILES["lib.py"]


@pytest.fixture
def compiled(tmp_path: Path) -> tuple[Installation, Path]:
    found = installed(tmp_path)
    (found.folder / "__pycache__").mkdir()
    (found.folder / "__pycache__/lib.cpython-311.pyc").write_text("anything")
    return found, found.folder / "__pycache__/lib.cpython-311.pyc"


def test_what_python_compiled_stays(compiled: tuple[Installation, Path]) -> None:
    found, file = compiled
    assert found.missing() == []
    assert file.exists()


UNSOUND: dict[str, Any] = {
    "from before a power cut": lambda path: os.utime(path, (bytecode.booted() - 60,) * 2),
    "of the future": lambda path: os.utime(path, (time.time() + 9999,) * 2),
    "others may write it": lambda path: path.chmod(0o666),
    "a link": lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
    "a folder": lambda path: (path.unlink(), path.mkdir(), (path / "x.pyc").write_text("")),
    "no bytecode": lambda path: path.rename(path.with_suffix(".py")),
}


@pytest.mark.parametrize("how", UNSOUND)
def test_bytecode_that_may_be_wrong_goes(compiled: tuple[Installation, Path], how: str) -> None:
    """Half a file, as a power cut leaves it, would be an error of each import."""
    found, file = compiled
    UNSOUND[how](file)
    assert found.missing() == []
    assert list(file.parent.iterdir()) == []
    assert Path("/etc/passwd").is_file()


def test_two_sessions_at_once(tmp_path: Path) -> None:
    one, other = (Installation(tmp_path, entries(), ARGV) for _ in range(2))
    other.partial = other.partial.with_name(".other")
    take(one)
    take(other)
    one.finish()
    other.finish()
    assert one.missing() == other.missing() == []
    assert [path.name for path in one.providers.iterdir()] == [one.folder.name]


def test_the_oldest_go_and_those_in_use_stay(tmp_path: Path) -> None:
    found = [installed(tmp_path, {**FILES, "lib.py": b"x = %d\n" % number}) for number in range(12)]
    assert all(one.folder.is_dir() for one in found), "one session may use them all"
    long_ago = time.time() - 100 * 3600
    for one in found[:11]:
        os.utime(one.folder, (long_ago, long_ago))
    assert found[0].missing() == [], "it is used again"
    last = installed(tmp_path, {**FILES, "lib.py": b"x = 99\n"})
    assert sum(one.folder.is_dir() for one in [*found, last]) == 8
    assert found[0].folder.is_dir()
    assert last.folder.is_dir()


def test_a_host_without_a_program_for_it() -> None:
    with pytest.raises(NotInstalled, match=r"no program for .*, only for plan9-mips"):
        choose({"plan9-mips": ["run"]})


def test_the_runner_refuses_what_is_not_as_announced(tmp_path: Path) -> None:
    service = Service(tmp_path, Session(None), lambda *_: None)
    asked: dict[str, Any] = {"manifest": MANIFEST, "start": {"any": ARGV}, "files": entries(), "configuration": {}}
    assert service.provider(**asked) == {"missing": sorted(FILES)}
    with pytest.raises(Refusal):
        service.stage("bad", [("lib.py", "no base64!", True)])
    with pytest.raises(Refusal):
        service.stage("worse", [("lib.py", "", True)])
    with pytest.raises(Refusal) as caught:
        service.provider(**asked)
    assert caught.value.details["why"] == "bin/run is not what was announced"
    service.close()
