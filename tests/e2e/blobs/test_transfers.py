"""Content beyond 64 KiB from a project to a host: whole, private on its way, and broken off at any place."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.blobs.conftest import SIZE, Gated
from tests.e2e.faults.disks import small_disk
from tests.e2e.faults.world import PATIENCE


def broken_off(gated: Gated, break_off: Callable[[Gated, subprocess.Popen[str]], None], *command: str) -> None:
    """Start an apply, and break it off when half of the content has passed."""
    (gated.world.root / "gate").touch()
    engine = gated.world.start(*(command or ("apply", "-y")))
    until = time.monotonic() + PATIENCE
    while not (gated.world.root / "reached").exists() and time.monotonic() < until and engine.poll() is None:
        time.sleep(0.02)
    assert (gated.world.root / "reached").exists(), engine.communicate()[0]
    await_part(gated)
    break_off(gated, engine)
    (gated.world.root / "gate").unlink()
    engine.communicate(timeout=PATIENCE)
    gated.world.await_quiet()


def await_part(gated: Gated) -> None:
    """What passed is written a moment later."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = list((gated.world.host / "blobs").glob("*.part")) if (gated.world.host / "blobs").exists() else []
        if found and found[0].stat().st_size > 4 * 1024 * 1024:
            return
        time.sleep(0.02)
    raise AssertionError("nothing came")


def kill_engine(gated: Gated, engine: subprocess.Popen[str]) -> None:
    engine.kill()


def kill_runner(gated: Gated, engine: subprocess.Popen[str]) -> None:
    gate = gate_of(gated)
    runners = Path(f"/proc/{gate}/task/{gate}/children").read_text().split()
    os.kill(int(runners[0]), signal.SIGKILL)


def cut(gated: Gated, engine: subprocess.Popen[str]) -> None:
    os.kill(gate_of(gated), signal.SIGKILL)


def interrupt(gated: Gated, engine: subprocess.Popen[str]) -> None:
    engine.send_signal(signal.SIGINT)
    time.sleep(0.5)


def gate_of(gated: Gated) -> int:
    (found,) = (pid for pid, line in gated.world.processes().items() if "gate.py" in line)
    return found


@pytest.mark.parametrize("how", [kill_engine, kill_runner, cut, interrupt])
def test_a_transfer_that_was_broken_off_goes_on_where_it_was(
    gated: Gated, how: Callable[[Gated, subprocess.Popen[str]], None]
) -> None:
    broken_off(gated, how)
    assert not gated.target.exists()
    (part,) = (gated.world.host / "blobs").iterdir()
    assert 0 < part.stat().st_size < SIZE
    assert (part.stat().st_mode & 0o777, part.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    gated.world.succeed("apply", "--resume")
    assert gated.passed() < SIZE - 4 * 1024 * 1024
    gated.check_done()


def test_a_source_that_changes_on_its_way_fails_its_step_and_is_told_on_resume(gated: Gated) -> None:
    was = gated.content
    (gated.world.root / "gate").touch()
    engine = gated.world.start("apply", "-y")
    while not (gated.world.root / "reached").exists():
        time.sleep(0.02)
    gated.write(was[:-1] + b"!")
    (gated.world.root / "gate").unlink()
    text, _ = engine.communicate(timeout=PATIENCE)
    assert engine.returncode == 5, text
    assert "files/large was changed meanwhile" in text
    assert (gated.world.target / "first").exists()
    assert not gated.target.exists()
    result = gated.world.aivp("apply", "--resume")
    assert (result.code, "AIVP0514" in result.text) == (4, True), result.text
    gated.write(was)
    gated.world.succeed("apply", "--resume")
    gated.check_done()


def test_a_source_that_changed_since_the_plan_is_refused_before_any_effect(gated: Gated) -> None:
    gated.world.succeed("plan", "-o", "plan.json")
    was = gated.content
    for broken in (was + b"!", was[:-1], b"!" + was[1:], None):
        if broken is None:
            gated.source.unlink()
        else:
            gated.write(broken)
        result = gated.world.aivp("apply", "plan.json")
        assert (result.code, "AIVP0514" in result.text, "files/large" in result.text) == (4, True, True), result.text
        assert list(gated.world.target.iterdir()) == []
    gated.write(was)
    os.utime(gated.source, (1, 1))
    gated.world.succeed("apply", "plan.json")
    gated.check_done()


def test_content_travels_only_for_a_step_that_needs_it(gated: Gated) -> None:
    gated.world.succeed("apply", "-y")
    assert gated.passed() > SIZE
    gated.world.succeed("plan")
    assert gated.passed() < 1024 * 1024
    gated.target.chmod(0o600)
    gated.world.succeed("apply", "-y")
    assert gated.passed() < 1024 * 1024
    gated.check_done()
    with gated.target.open("r+b") as file:
        file.seek(SIZE - 1)
        file.write(b"?")
    assert "drift" in gated.world.aivp("plan").text
    gated.world.succeed("apply", "-y")
    gated.check_done()


def test_validate_and_backup_take_large_content(gated: Gated) -> None:
    gated.declare(", validate: [grep, -q, magic, '%s'], backup: true")
    result = gated.world.aivp("apply", "-y")
    assert (result.code, "grep -q magic" in result.text) == (5, True), result.text
    assert not gated.target.exists()
    gated.write(b"magic\n" + gated.content)
    gated.world.succeed("apply", "-y")
    first = gated.content
    gated.write(b"more magic\n" + gated.content)
    gated.world.succeed("apply", "-y")
    assert gated.target.read_bytes() == gated.content
    assert gated.target.with_name("large.aivp-backup").read_bytes() == first
    assert not (gated.world.host / "blobs").exists()


def test_many_files_share_one_transfer_of_their_content(gated: Gated) -> None:
    gated.world.declare(
        (gated.world.project / "aivp.yaml").read_text()
        + '  file.copy: {for_each: 3, path: "${var.root}/target/c${each.key}", source: ./files/large}\n'
        + '  file.other: {for_each: 20, path: "${var.root}/target/o${each.key}", source: "files/o${each.key}"}\n'
    )
    for number in range(20):
        (gated.world.project / f"files/o{number}").write_bytes(random.Random(number).randbytes(70_000))
    gated.world.succeed("apply", "-y")
    assert gated.passed() < SIZE + 20 * 80_000 + 1024 * 1024
    for number in range(3):
        assert (gated.world.target / f"c{number}").read_bytes() == gated.content
    assert (gated.world.target / "o7").read_bytes() == random.Random(7).randbytes(70_000)
    assert not (gated.world.host / "blobs").exists()
    assert gated.world.aivp("plan", "--detailed-exitcode").code == 0


def test_a_host_without_room_says_so_before_anything_is_done(gated: Gated) -> None:
    gated.world.await_quiet()
    with small_disk(gated.world.host, "24M"):
        result = gated.world.aivp("apply", "-y")
        assert (result.code, "AIVP0630" in result.text) == (1, True), result.text
        assert list(gated.world.target.iterdir()) == []


def test_a_target_without_room_leaves_nothing_half_written(gated: Gated) -> None:
    with small_disk(gated.world.target, "8M"):
        result = gated.world.aivp("apply", "-y")
        assert (result.code, "its file system has" in result.text) == (5, True), result.text
        assert [path.name for path in gated.world.target.iterdir()] == ["first"]
    gated.world.succeed("apply", "-y")
