"""Ctrl-C as people press it, in a terminal of its own, and as a pipeline sends it: what is said, done and left."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import schemas
from tests.e2e.faults.projects import gate, note, project
from tests.e2e.faults.world import AIVP, PATIENCE, World

TERMINALS = pytest.mark.parametrize("is_terminal", [True, False], ids=["terminal", "pipe"])
FORMS = pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
FIRST, SECOND = "Finishing the steps in hand", "Stopping at once"


class Command:
    """aivp at work. Its terminal, where it has one, is that of its standard streams; else they are pipes."""

    def __init__(self, world: World, *words: str, is_terminal: bool) -> None:
        self.world, self.is_terminal, self.text, self.lines = world, is_terminal, "", ""
        if is_terminal:
            self.pid, out = pty.fork()
            if self.pid == 0:
                os.chdir(world.project)
                os.execve(AIVP, [AIVP, *words], {**world.environment, "TERM": "xterm"})
            self.keyboard, err = out, None
        else:
            process = subprocess.Popen(
                [AIVP, *words],
                cwd=world.project,
                env=world.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            self.pid, out, err = process.pid, process.stdout.fileno(), process.stderr.fileno()
            self.process = process
        self.readers = [threading.Thread(target=self._read, args=(out, True))]
        if err is not None:
            self.readers.append(threading.Thread(target=self._read, args=(err, False)))
        for reader in self.readers:
            reader.start()

    def _read(self, descriptor: int, is_out: bool) -> None:
        while True:
            try:
                data = os.read(descriptor, 65536).decode()
            except OSError:  # a terminal whose last program has ended
                return
            if not data:
                return
            self.text += data
            self.lines += data if is_out else ""

    def press(self) -> None:
        """Ctrl-C: a key where there is a keyboard, else the signal that it stands for."""
        if self.is_terminal:
            os.write(self.keyboard, b"\x03")
        else:
            os.kill(self.pid, signal.SIGINT)

    def says(self, text: str) -> None:
        """Wait until it has said that."""
        _until(lambda: text in self.text, self)

    def end(self) -> int:
        """Its exit code, which has to come soon."""
        _until(lambda: not any(reader.is_alive() for reader in self.readers), self)
        code = self.process.wait() if not self.is_terminal else os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        assert "Traceback" not in self.text, self.text
        return code


def _until(happens: Callable[[], bool], command: Command, seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, command.text
        time.sleep(0.02)


def _at_work(world: World, form: tuple[str, ...], *, is_terminal: bool) -> Command:
    world.declare(project(f"{gate('slow')}\n{note('zlater')}"))
    command = Command(world, "apply", "-y", *form, is_terminal=is_terminal)
    _until(lambda: world.lines() == ["slow"], command)
    return command


def _check_lines(command: Command, form: tuple[str, ...]) -> None:
    """With --json every line of standard output is one of the schema, in a pipe; a terminal mixes both streams."""
    if form and not command.is_terminal:
        assert schemas.check_lines(form, command.lines)[-1]["type"] == "run-ended"
    ended = [line for line in command.text.splitlines() if '"type":"run-ended"' in line]
    assert all(json.loads(line[line.index("{") :])["status"] == "interrupted" for line in ended)
    assert len(ended) == bool(form)


@TERMINALS
@FORMS
def test_once_finishes_the_step_in_hand(world: World, form: tuple[str, ...], is_terminal: bool) -> None:
    command = _at_work(world, form, is_terminal=is_terminal)
    command.press()
    command.says(FIRST)
    (world.root / "open").touch()
    assert command.end() == 130, command.text
    _check_lines(command, form)
    world.await_quiet()
    assert world.lines() == ["slow", "slow-ended"]
    world.succeed("apply", "--resume", *form)
    assert world.lines() == ["slow", "slow-ended", "zlater"]
    world.await_quiet()


@TERMINALS
@FORMS
def test_twice_stops_at_once_and_says_what_goes_on(world: World, form: tuple[str, ...], is_terminal: bool) -> None:
    command = _at_work(world, form, is_terminal=is_terminal)
    for said in (FIRST, SECOND):
        command.press()
        command.says(said)
    assert command.end() == 130, command.text
    _check_lines(command, form)
    assert form or "no step has ended" in command.text, command.text
    assert world.lines() == ["slow"], "it stopped before the step in hand had ended"
    (world.root / "open").touch()
    world.succeed("apply", "--resume", *form)
    assert world.lines() == ["slow", "slow-ended", "zlater"]
    world.await_quiet()


@TERMINALS
def test_while_looking_it_ends_at_once(world: World, tmp_path: Path, is_terminal: bool) -> None:
    """A guard that takes long keeps nobody from leaving: nothing was begun."""
    guard = f"[sh, -c, 'echo looking >> {world.ledger}; exec sleep 30']"
    world.declare(project(note("a", more=f", unless: {guard}")))
    command = Command(world, "plan", is_terminal=is_terminal)
    _until(lambda: world.lines() == ["looking"], command)
    began = time.monotonic()
    command.press()
    assert command.end() == 130, command.text
    assert time.monotonic() - began < 5
    assert command.text.count("Interrupted.") == 1
    world.await_quiet()


def test_a_key_pressed_on_and_on_does_not_change_the_exit_code(world: World) -> None:
    command = _at_work(world, (), is_terminal=True)
    end = time.monotonic() + PATIENCE
    try:
        while any(reader.is_alive() for reader in command.readers) and time.monotonic() < end:
            command.press()
            time.sleep(0.005)
    except OSError:  # nobody is at the terminal any more
        pass
    assert command.end() == 130, command.text
    (world.root / "open").touch()
    world.succeed("apply", "--resume")
    assert world.lines() == ["slow", "slow-ended", "zlater"]
    world.await_quiet()
