"""The way in is a channel: every byte, each signal, the status; and it ends when either side does."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.providers.guest.boards import Board, until

_LARGE = bytes(range(256)) * 40_000


def test_every_byte_of_three_streams_and_the_status(board: Board) -> None:
    done = board.enter("sh", "-c", "cat; echo aside >&2; exit 42", input=_LARGE)
    assert (done.returncode, done.stderr) == (42, b"aside\n")
    assert done.stdout == _LARGE


def test_both_ways_at_once_without_waiting_for_the_end(board: Board) -> None:
    with subprocess.Popen(board.argv("cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(100):
            process.stdin.write(b"%d\n" % number)
            process.stdin.flush()
            assert process.stdout.readline() == b"%d\n" % number
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (["no-such-command"], 127, b"no-such-command: No such file or directory"),
        (["/etc/passwd"], 126, b"Permission denied"),
        (["--", "sh", "-c", "kill -TERM $$"], 143, b""),
        ([], 255, b"no command is named"),
        (["--bad", "x", "y"], 255, b"no option --bad"),
        (["--cwd"], 255, b"--cwd needs a value"),
        (["--socket", "/nowhere/guest.sock", "true"], 255, b"the machine does not run"),
        (["--user", "nobody-here", "true"], 255, b"no user nobody-here"),
    ],
)
def test_what_goes_wrong_has_a_status_and_a_sentence(board: Board, argv: list[str], status: int, said: bytes) -> None:
    done = board.enter(*argv)
    assert done.returncode == status
    assert said in done.stderr
    assert b"Traceback" not in done.stderr


def test_options(board: Board, tmp_path: Path) -> None:
    done = board.enter("--env", "A=b=c", "--cwd", str(tmp_path), "--", "sh", "-c", 'echo "$A $PWD"')
    assert done.stdout == f"b=c {tmp_path}\n".encode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_go_to_the_command(board: Board, number: int) -> None:
    script = f"trap 'echo caught; exit 5' {signal.Signals(number).name[3:]}; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(board.argv("sh", "-c", script), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.stdout.read() == b"caught\n"
        assert process.wait(10) == 5


def test_reader_that_goes_away_ends_the_command(board: Board, tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    script = f"trap 'rm {mark}; exit' HUP; touch {mark}; while :; do sleep 0.05; done"
    with subprocess.Popen(board.argv("sh", "-c", script), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert until(mark.exists)
        process.stdout.close()
        assert process.wait(10) == -signal.SIGPIPE
    assert until(lambda: not mark.exists())


def test_streams_may_be_closed_or_files(board: Board, tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(_LARGE)
    with source.open("rb") as stdin, target.open("wb") as stdout:
        assert subprocess.run(board.argv("cat"), stdin=stdin, stdout=stdout, check=True, timeout=60).returncode == 0
    assert target.read_bytes() == _LARGE
    script = 'exec "$@" <&-'
    done = subprocess.run(["sh", "-c", script, "sh", *board.argv("cat")], capture_output=True, check=True, timeout=20)
    assert done.stdout == b""


def test_terminal_with_size_and_echo(board: Board) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        argv = board.argv("--pty", "sh")
        os.execv(argv[0], argv)
    termios.tcsetwinsize(terminal, (33, 111))
    os.write(terminal, b"stty size; tty; exit 3\r")
    said = _read_all(terminal)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    assert b"33 111" in said
    assert b"/dev/pts/" in said


def test_terminal_without_one_here(board: Board) -> None:
    done = board.enter("--pty", "sh", "-c", "tty; stty size; cat", input=b"typed")
    assert b"/dev/pts/" in done.stdout
    assert b"24 80\r\n" in done.stdout
    assert done.returncode == 0


def test_whole_session_of_a_bootstrap(board: Board) -> None:
    """As the engine does it: a text in an argv that reads a program of megabytes from stdin, then lines both ways."""
    text = "import sys;n=int(sys.stdin.buffer.readline());exec(sys.stdin.buffer.read(n))"
    program = (
        b"#"
        + b"x" * 3_000_000
        + b"\nfor line in sys.stdin.buffer:\n    sys.stdout.buffer.write(line.upper()); sys.stdout.flush()\n"
    )
    argv = board.argv("python3", "-I", "-c", text)
    begun = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"%d\n" % len(program) + program)
        for number in range(200):
            line = b'{"jsonrpc": "2.0", "id": %d}\n' % number * (1 if number % 50 else 2000)
            process.stdin.write(line)
            process.stdin.flush()
            assert b"".join(process.stdout.readline() for _ in range(line.count(b"\n"))) == line.upper()
        process.stdin.close()
        assert process.wait(10) == 0
    assert time.monotonic() - begun < 30


def test_starts_fast(board: Board) -> None:
    """Its own part: imports and arguments, beside what python3 needs to start."""
    argv = board.argv("--socket", "/nowhere/guest.sock", "true")

    def cost(argv: list[str]) -> float:
        times = []
        for _ in range(5):
            before = os.times()
            subprocess.run(argv, capture_output=True, check=False)
            after = os.times()
            times.append(after.children_user + after.children_system - before.children_user - before.children_system)
        return min(times)

    assert cost(argv) - cost([sys.executable, "-I", "-c", "pass"]) < 0.1  # half of it where nobody else is at work


def _read_all(fd: int) -> bytes:
    said = b""
    while select.select([fd], [], [], 10)[0]:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        said += data
    return said
