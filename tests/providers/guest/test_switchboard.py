"""The port may lose anything at any time: sessions begin again, nothing hangs, nothing goes on with a hole in it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aivp_guest.client import GuestError
from aivp_guest.routes import Lost

from tests.providers.guest.boards import Board, Helper, Port, connected, until


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[tuple[Board, Helper, Port]]:
    with connected(tmp_path) as parts:
        yield parts


def test_socket_is_for_its_owner_only(parts: tuple[Board, Helper, Port]) -> None:
    board, _, _ = parts
    assert board.socket.stat().st_mode & 0o777 == 0o600


def test_helper_that_was_killed_is_answered_again(parts: tuple[Board, Helper, Port]) -> None:
    board, helper, _ = parts
    with board.guest() as guest:
        talk = guest._line.start({"do": "exec", "argv": ["sleep", "987.5"]}, 10)
        guest._line.deadline = time.monotonic() + 10
        time.sleep(0.2)
        helper.process.kill()
        helper.process.wait()
        with pytest.raises(GuestError) as raised:
            talk.answer()
        assert raised.value.code == "lost"
    helper.start()
    with board.guest() as guest:
        assert guest.run(["echo", "again"]).stdout == b"again\n"
    assert until(lambda: not _sleeps("987.5"))


def test_port_that_is_cut_in_the_middle_of_everything(parts: tuple[Board, Helper, Port]) -> None:
    board, _, port = parts
    for _ in range(5):
        with board.guest() as guest:
            talk = guest._line.start({"do": "exec", "argv": ["cat", "/dev/zero"]}, 20)
            assert talk.read(500_000) == bytes(500_000)
            port.cut()
            while talk.read(100_000):
                pass
            with pytest.raises(GuestError) as raised:
                talk.answer()
            assert raised.value.code == "lost"
    with board.guest() as guest:
        assert guest.run(["echo", "still"]).stdout == b"still\n"


def test_garbage_ends_the_session_and_never_makes_a_hole(parts: tuple[Board, Helper, Port]) -> None:
    board, _, port = parts
    for to_helper, to_host in ((os.urandom(100), b""), (b"", os.urandom(5000)), (os.urandom(70_000), os.urandom(3))):
        with board.guest() as guest:
            talk = guest._line.start({"do": "exec", "argv": ["sh", "-c", "echo; sleep 60"]}, 20)
            assert talk.read(1) == b"\n"
            port.inject(to_helper, to_host)
            with pytest.raises(GuestError) as raised:
                talk.answer()
            assert raised.value.code == "lost"
        with board.guest() as guest:
            assert guest.run(["echo", "still"]).stdout == b"still\n"


def test_client_that_goes_away_ends_its_command_and_no_other(parts: tuple[Board, Helper, Port]) -> None:
    board, _, _ = parts
    with board.guest() as stays:
        talk = stays._line.start({"do": "exec", "argv": ["sh", "-c", "read x; echo $x"]}, 20)
        argv = board.argv("sh", "-c", "sleep 987.75; echo never")
        with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
            assert until(lambda: _sleeps("987.75"))
            process.kill()
        assert until(lambda: not _sleeps("987.75"))
        talk.write(b"here\n")
        assert talk.read(100) == b"here\n"


def test_command_that_ignores_the_end_is_killed(parts: tuple[Board, Helper, Port]) -> None:
    board, _, _ = parts
    guest = board.guest()
    guest._line.start({"do": "exec", "argv": ["sh", "-c", "trap '' HUP TERM; sleep 987.125; sleep 987.125"]}, 20)
    assert until(lambda: _sleeps("987.125"))
    guest.close()
    assert until(lambda: not _sleeps("987.125"), 15)


def test_client_that_does_not_read_stops_nobody_else(parts: tuple[Board, Helper, Port]) -> None:
    board, _, _ = parts
    idle = board.guest()
    idle._line.start({"do": "exec", "argv": ["cat", "/dev/zero"]}, 20)
    with board.guest() as guest:
        assert len(guest.run(["head", "-c", "3000000", "/dev/zero"]).stdout) == 3_000_000
        assert guest.ping() < 1
    idle.close()


def test_supervisor_asks_by_itself(parts: tuple[Board, Helper, Port]) -> None:
    board, helper, _ = parts
    switchboard = board.switchboard
    assert board.do(switchboard.ask({"do": "ping"}, 5)) == {}
    assert board.do(switchboard.ask({"do": "power", "to": "off"}, 5)) == {}  # this helper leaves its machine alone
    with pytest.raises(Lost, match="cannot 'fly'"):
        board.do(switchboard.ask({"do": "fly"}, 5))
    for wrong in ({"do": "exec", "argv": 7}, {"do": "exec", "argv": ["true"], "pty": 3}, {"do": "read"}, {}):
        with pytest.raises(Lost):
            board.do(switchboard.ask(wrong, 5))
    board.call(switchboard.open)
    board.do(switchboard.wait(5))
    helper.process.send_signal(signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        board.do(switchboard.ask({"do": "ping"}, 0.2))
    helper.process.send_signal(signal.SIGCONT)
    assert board.do(switchboard.ask({"do": "ping"}, 5)) == {}


def test_guest_that_closed_its_port_is_not_ready_until_it_speaks(parts: tuple[Board, Helper, Port]) -> None:
    board, helper, _ = parts
    helper.process.kill()
    helper.process.wait()
    board.call(board.switchboard.closed)
    assert until(lambda: board.switchboard.ready is None)
    with pytest.raises(Lost):
        board.do(board.switchboard.ask({"do": "ping"}, 5))
    helper.start()
    board.do(board.switchboard.wait(20))


def test_nobody_waits_for_a_guest_that_is_not_there(tmp_path: Path) -> None:
    board = Board(tmp_path, str(tmp_path / "port"))
    try:
        done = board.enter("--wait", "0.3", "true")
        assert (done.returncode, done.stdout) == (255, b"")
        assert done.stderr == b"aivp: the guest did not answer within 0.3 s\n"
        with pytest.raises(Lost):
            board.do(board.switchboard.ask({"do": "ping"}, 5))
    finally:
        board.close()
    assert not board.socket.exists()


def test_idle_switchboard_and_helper_use_no_time(parts: tuple[Board, Helper, Port]) -> None:
    board, helper, _ = parts
    with board.guest() as guest:
        guest._line.start({"do": "exec", "argv": ["sleep", "60"]}, 20)
        before = _ticks(helper.process.pid), time.process_time()
        time.sleep(1.5)
        assert _ticks(helper.process.pid) - before[0] <= 3
        assert time.process_time() - before[1] < 0.1


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _sleeps(seconds: str) -> bool:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cmdline").read_bytes() == f"sleep\0{seconds}\0".encode():
                    return True
            except OSError:
                continue
    return False
