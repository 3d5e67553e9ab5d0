"""Commands in a real terminal: what is shown while they work, what stays, and how the terminal is left."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_commands import AIVP, Shell
from tests.terminal import Terminal

SLOW = "command.{name}: {{host: lab, argv: [sh, -c, 'while [ ! -e {folder}/{name} ]; do sleep 0.05; done']}}\n"
UP = re.compile(r"\x1b\[\d+A")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    found: list[Terminal] = []
    yield found
    for terminal in found:
        if terminal.reader.is_alive():
            terminal.kill()


def slow(shell: Shell, *names: str) -> str:
    return "resources:\n" + "".join(f"  {SLOW.format(name=name, folder=shell.things)}" for name in names)


def start(shell: Shell, terminals: list[Terminal], *words: str, columns: int = 80, **environ: str) -> Terminal:
    whole = {**shell.environ, "TERM": "xterm-256color", **environ}
    found = Terminal([AIVP, *words], shell.folder, whole, columns)
    terminals.append(found)
    return found


def finish(shell: Shell, *names: str) -> None:
    for name in names:
        (shell.things / name).touch()


@pytest.mark.parametrize("columns", [40, 80])
def test_what_goes_on_is_drawn_anew_and_what_is_finished_stays(
    shell: Shell, terminals: list[Terminal], columns: int
) -> None:
    shell.declare(slow(shell, "first", "second") + f"  file.a: {{host: lab, path: {shell.things}/a, content: x}}\n")
    terminal = start(shell, terminals, "apply", "-y", columns=columns)
    before = terminal.modes()
    terminal.shows("0:02  lab: command.first")
    terminal.shows("1 of 3 steps")
    finish(shell, "first")
    terminal.shows("lab: command.second")
    assert "+ command.first@lab created" in terminal.vt.text
    finish(shell, "second")
    assert terminal.end() == 0, terminal.raw
    tail = terminal.vt.text[terminal.vt.text.index("Applying") :].splitlines()
    assert not [line for line in tail if " of 3 steps" in line or re.match(r" +\d:\d\d ", line)]
    assert [line for line in tail if "created" in line or line.startswith("Applied")][-1].endswith(": 3 done.")
    assert terminal.left == before
    times = [at for at, text in terminal.frames if UP.search(text)]
    assert len(times) < 10 * (times[-1] - times[0]) + 2


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(shell: Shell, terminals: list[Terminal]) -> None:
    shell.declare(slow(shell, "first"))
    terminal = start(shell, terminals, "apply", "-y", TERM="dumb")
    terminal.shows("Applying")
    time.sleep(1)
    finish(shell, "first")
    assert terminal.end() == 0
    assert "\x1b" not in terminal.raw


@pytest.mark.parametrize("words", [["--json"], []])
def test_programs_and_pipes_get_lines_only(shell: Shell, terminals: list[Terminal], words: list[str]) -> None:
    shell.declare(slow(shell, "first"))
    terminal = start(shell, terminals, "apply", "-y", *words)
    if not words:
        terminal.kill()
        finish(shell, "first")
        done = shell.pipe(f"{AIVP} apply --resume | cat", TERM="xterm")
        assert b"\x1b" not in done.stdout + done.stderr
        return
    terminal.shows("steps-lasting")
    finish(shell, "first")
    assert terminal.end() == 0
    assert not UP.search(terminal.raw)


def test_ctrl_c_is_answered_above_and_leaves_the_terminal_as_it_was(shell: Shell, terminals: list[Terminal]) -> None:
    shell.declare(slow(shell, "first", "second"))
    terminal = start(shell, terminals, "apply", "-y")
    before = terminal.modes()
    terminal.shows("lab: command.first")
    terminal.press(b"\x03")
    terminal.shows("Finishing the steps in hand")
    assert terminal.modes() == before
    finish(shell, "first")
    assert terminal.end() == 130
    assert "^C" not in terminal.vt.text
    assert " of 2 steps" not in terminal.vt.text
    assert terminal.vt.text.index("Finishing") < terminal.vt.text.index("command.first@lab created")
    assert "\x1b[?" not in terminal.raw, "no mode is changed, so none has to be put back"


def test_a_question_stays_and_what_is_typed_is_seen(shell: Shell, terminals: list[Terminal]) -> None:
    shell.declare(slow(shell, "first"))
    terminal = start(shell, terminals, "apply")
    terminal.shows("Only yes is accepted")
    time.sleep(1.5)
    terminal.press(b"yes\r")
    terminal.shows("0 of 1 steps")
    finish(shell, "first")
    assert terminal.end() == 0
    assert "Only yes is accepted: yes" in terminal.vt.text


def test_a_terminal_that_is_resized_is_drawn_to_its_new_width(shell: Shell, terminals: list[Terminal]) -> None:
    name = "a_rather_long_name_of_a_step_that_needs_more_than_forty_columns"
    shell.declare(slow(shell, name))
    terminal = start(shell, terminals, "apply", "-y", columns=120)
    terminal.shows(name)
    terminal.resize(40, 10)
    terminal.shows("lab: command.a_rather_long_...")
    finish(shell, name)
    assert terminal.end() == 0


def test_hosts_that_do_not_answer_are_named(shell: Shell, terminals: list[Terminal]) -> None:
    gate = f"while [ ! -e {shell.things}/open ]; do sleep 0.05; done"
    slow_host = f"{{transport: exec, command: [sh, -c, '{gate}; exec \"$@\"', sh]}}"
    (shell.folder / "aivp.yaml").write_text(
        f"aivp: v1\nproject: calm\nhosts: {{lab: {{transport: local}}, far: {slow_host}}}\n"
        f"resources: {{file.a: {{host: [far, lab], path: {shell.things}/a, content: x}}}}\n"
    )
    terminal = start(shell, terminals, "plan")
    terminal.shows("1 of 2 hosts answered, waiting for far")
    finish(shell, "open")
    assert terminal.end() in (0, 1)
    assert "answered" not in terminal.vt.text


def test_a_ci_system_keeps_a_line_an_event_with_its_time(shell: Shell) -> None:
    shell.declare("resources:\n  command.late: {host: lab, argv: [sleep, '0.8']}\n")
    done = shell.run("apply", "-y", env={"GITHUB_ACTIONS": "true", "CI": "true"})
    text = done.stdout.decode()
    lines = text[text.index("::group::aivp apply") :].splitlines()
    assert lines[-2] == "::endgroup::"
    assert all(re.match(r"\d\d:\d\d:\d\dZ ", line) for line in lines[1:-2] + lines[-1:])
    assert [line[10:] for line in lines[2:5]] == [
        "     lab: 1 step begun",
        next(line[10:] for line in lines if "at work on command.late@lab" in line),
        "   + command.late@lab created",
    ] or "created in" in lines[4]
    calm = shell.run("apply", "-y", env={"CI": "false"}).stdout.decode()
    assert not re.search(r"^\d\d:", calm, re.MULTILINE)


def test_answers_of_a_command_stand_above_who_is_waited_for(shell: Shell, terminals: list[Terminal]) -> None:
    shell.declare("")
    terminal = start(shell, terminals, "exec", "lab", "--", "sh", "-c", "sleep 2; echo said")
    terminal.shows("waiting for lab")
    assert terminal.end() == 0
    assert "said" in terminal.vt.text
    assert "waiting" not in terminal.vt.text
