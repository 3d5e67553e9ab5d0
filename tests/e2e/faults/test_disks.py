"""Disks that are full or read-only, and formats of the future: a diagnostic, and nothing lost."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.e2e.faults.disks import fill, free, small_disk
from tests.e2e.faults.projects import note, project
from tests.e2e.faults.world import Result, World

FILES = "\n".join(f'file.f{i}: {{path: "${{var.root}}/target/f{i}", content: "{i * 8 * "x"}"}}' for i in range(1, 6))


def assert_told(world: World, *arguments: str, codes: tuple[int, ...] = (1,)) -> str:
    result = world.aivp(*arguments)
    assert result.code in codes, result.text
    assert "error[AIVP" in result.text, result.text
    return result.text


def test_a_full_disk_under_the_state(world: World) -> None:
    with small_disk(world.project / ".aivp", "1M"):
        world.declare(project(note("first")))
        world.succeed("apply", "-y")
        world.declare(project(f"{note('first')}\n{note('second')}"))
        fill(world.project / ".aivp")
        assert_told(world, "apply", "-y")
        free(world.project / ".aivp")
        result = world.aivp("apply", "--resume")
        if result.code != 0:
            world.succeed("apply", "-y")
        assert world.lines() == ["first", "second"]
        assert world.aivp("plan", "--detailed-exitcode").code == 0


def test_a_disk_under_the_state_that_fills_up_during_a_run(world: World) -> None:
    """The command that comes first fills the disk on which its own outcome is to be recorded."""
    with small_disk(world.project / ".aivp", "1M"):
        filling = '; head -c 2000000 /dev/zero > "${var.root}/project/.aivp/ballast" 2>/dev/null; true'
        world.declare(project(f"{note('afills', after=filling)}\n{note('blater')}"))
        text = assert_told(world, "apply", "-y")
        assert "AIVP0705" in text, text
        free(world.project / ".aivp")
        world.succeed("apply", "--resume")
        assert world.lines() == ["afills", "blater"]
        assert world.aivp("plan", "--detailed-exitcode").code == 0


def test_a_disk_under_the_host_state_that_fills_up_during_a_run(world: World) -> None:
    with small_disk(world.host, "4M"):
        filling = '; head -c 8000000 /dev/zero > "${var.root}/host/ballast" 2>/dev/null; true'
        world.declare(project(f"{note('afills', after=filling)}\n{note('blater')}"))
        assert_told(world, "apply", "-y", codes=(1, 5))
        free(world.host)
        world.succeed("apply", "--resume")
        assert world.lines() == ["afills", "blater"]
        assert world.aivp("plan", "--detailed-exitcode").code == 0
        world.check_provenance()
        world.await_quiet()


def test_a_full_disk_under_the_host_state_from_the_start(world: World) -> None:
    with small_disk(world.host, "4M"):
        world.declare(project(note("first")))
        fill(world.host)
        assert_told(world, "apply", "-y")
        assert world.lines() == []
        free(world.host)
        if world.aivp("apply", "--resume").code != 0:
            world.succeed("apply", "-y")
        assert world.lines() == ["first"]


def test_a_full_disk_under_the_target(world: World) -> None:
    with small_disk(world.target, "64K"):
        world.declare(project(f"{FILES}\n{note('zlast')}"))
        fill(world.target)
        failed = world.aivp("apply", "-y")
        assert failed.code == 5, failed.text
        assert [path.name for path in world.target.iterdir()] == ["ballast"]
        free(world.target)
        world.succeed("apply", "--resume")
        assert sorted(path.name for path in world.target.iterdir()) == [f"f{i}" for i in range(1, 6)]
        assert world.lines() == ["zlast"]


def test_a_disk_under_the_target_that_fills_up_during_a_run(world: World) -> None:
    """A command fills the disk that the files after it are to lie on; what was there keeps its content."""
    files = 'file.f: {for_each: [a, b], path: "${var.root}/target/${each.key}", content: "WORD"%s}'
    with small_disk(world.target, "64K"):
        world.declare(project(files.replace("WORD", "before") % ""))
        world.succeed("apply", "-y")
        filling = '; head -c 900000 /dev/zero > "${var.root}/target/ballast" 2>/dev/null; true'
        changed = files.replace("WORD", "changed") % ", depends_on: [command.fills]"
        world.declare(project(f"{note('fills', after=filling)}\n{changed}"))
        assert_told_of_space(world.aivp("apply", "-y"), 5)
        assert [(world.target / name).read_text() for name in "ab"] == ["before", "before"]
        free(world.target)
        world.succeed("apply", "--resume")
        assert [(world.target / name).read_text() for name in "ab"] == ["changed", "changed"]
        assert sorted(path.name for path in world.target.iterdir()) == ["a", "b"]
        assert world.lines() == ["fills"]


IS_FULL = os.environ.get("AIVP_TEST_ALL") == "1"


@pytest.mark.parametrize(
    ("where", "size", "moments"),
    [
        ("project/.aivp", "1M", range(0, 72, 6) if IS_FULL else [18]),
        ("host", "4M", range(0, 24, 2) if IS_FULL else [8]),
        ("target", "256K", range(5) if IS_FULL else [0]),
    ],
)
def test_a_disk_with_a_few_free_blocks(
    tmp_path: Path, where: str, size: str, moments: Sequence[int], record_property: Callable[[str, object], None]
) -> None:
    """Each free block lets a run get a little further; wherever that is, one resume leads to the end."""
    codes: Counter[int] = Counter()
    for blocks in moments:
        world = World(tmp_path / str(blocks))
        with small_disk(world.root / where, size):
            world.declare(project(f"{note('first')}\n{FILES}"))
            world.succeed("apply", "-y")
            world.declare(project(f"{note('first')}\n{note('second')}\n{FILES.replace('x', 'yy')}\n{note('third')}"))
            fill(world.root / where, but=blocks)
            result = world.aivp("apply", "-y")
            codes[result.code] += 1
            if result.code != 0:
                assert_told_of_space(result, 1, 5)
            free(world.root / where)
            mended = world.aivp("apply", "--resume")
            if "AIVP0510" in mended.text:  # it got nowhere, or all the way
                mended = world.aivp("apply", "-y")
            assert mended.code == 0, (blocks, mended.text)
            assert world.lines() == ["first", "second", "third"], blocks
            assert [(world.target / f"f{i}").read_text() for i in range(1, 6)] == [i * 16 * "y" for i in range(1, 6)]
            assert world.aivp("plan", "--detailed-exitcode").code == 0, blocks
            world.check_provenance()
            world.await_quiet()
    counts = ", ".join(f"{count} with exit code {code}" for code, count in sorted(codes.items()))
    record_property("told", f"full disk under {where} at {codes.total()} moments: {counts}")


def assert_told_of_space(result: Result, *codes: int) -> None:
    assert result.code in codes, result.text
    assert re.search("no space left|is full", " ".join(result.text.split()), re.IGNORECASE), result.text


def test_a_read_only_state_directory(world: World) -> None:
    place = world.project / ".aivp"
    with small_disk(place, "1M"):
        world.declare(project(note("first")))
        world.succeed("apply", "-y")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        world.declare(project(note("second")))
        for command in (["apply", "-y"], ["destroy", "-y"], ["plan"], ["runs", "abandon"], ["state", "rebuild", "-y"]):
            assert_told(world, *command)
        assert world.lines() == ["first"]


def test_a_read_only_host_state(world: World) -> None:
    with small_disk(world.host, "4M"):
        world.declare(project(note("first")))
        world.succeed("apply", "-y")
        subprocess.run(["mount", "-o", "remount,ro", str(world.host)], check=True)
        assert world.aivp("plan", "--detailed-exitcode").code == 0
        world.declare(project(note("second")))
        assert_told(world, "apply", "-y")
        assert world.lines() == ["first"]


def test_no_project_folder_to_write_to(world: World) -> None:
    (world.project / ".aivp").write_text("in the way")
    world.declare(project(note("first")))
    assert "AIVP0702" in assert_told(world, "apply", "-y")


@pytest.mark.parametrize("name", ["project/.aivp/main/state.db", "host/host.db"])
def test_a_format_of_the_future(world: World, name: str) -> None:
    world.declare(project(note("first")))
    world.succeed("apply", "-y")
    connection = sqlite3.connect(world.root / name)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    for command in (["plan"], ["apply", "-y"], ["destroy", "-y"]):
        assert "format 99" in assert_told(world, *command)
    assert world.lines() == ["first"]


@pytest.mark.parametrize("name", ["project/.aivp/main/state.db", "host/host.db"])
@pytest.mark.parametrize("damage", [b"this is no database" * 500, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_file_that_is_no_database(world: World, name: str, damage: bytes) -> None:
    world.declare(project(note("first")))
    world.succeed("apply", "-y")
    for suffix in ("-wal", "-shm"):
        Path(f"{world.root / name}{suffix}").unlink(missing_ok=True)
    (world.root / name).write_bytes(damage)
    for command in (["plan"], ["apply", "-y"], ["destroy", "-y"]):
        assert_told(world, *command)
    assert world.lines() == ["first"]


def test_a_database_that_was_begun_and_never_finished(world: World) -> None:
    """As a kill leaves it that comes between the first byte of a database and its tables."""
    world.declare(project(note("first")))
    (world.project / ".aivp/main").mkdir(parents=True)
    for path in (world.project / ".aivp/main/state.db", world.host / "host.db"):
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("VACUUM")
        connection.close()
        assert path.stat().st_size > 0
    world.succeed("apply", "-y")
    assert world.lines() == ["first"]


def test_the_cache_of_archives_is_bounded_and_clean(world: World) -> None:
    world.declare(project(note("first")))
    cache = world.host / "cache"
    for path in cache.iterdir():
        path.unlink()
    for i in range(9):
        (cache / f"{i:064}").write_text("an old archive")
        os.utime(cache / f"{i:064}", (i, i))
    (cache / ".left-by-a-killed-writer.1").write_text("half")
    world.succeed("apply", "-y")
    names = {path.name.partition(".")[0] for path in cache.iterdir()}
    assert len(names) == 4
    assert {f"{i:064}" for i in (6, 7, 8)} < names


def test_bytecode_that_a_power_cut_left_is_made_anew(world: World) -> None:
    world.declare(project(note("first")))
    world.succeed("plan")
    (cached,) = (world.host / "cache").glob("*.cpython-*")
    for rubbish in (b"", b"\0" * 4096, b"\xff" * 100):
        cached.write_bytes(rubbish)
        world.succeed("plan")
