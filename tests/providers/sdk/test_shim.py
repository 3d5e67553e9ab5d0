"""One outcome per key, whatever dies; and a command gets from us what it was promised, no more."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aivp_sdk import Completed, Interrupted, Permanent, child, shim
from aivp_sdk.child import Order
from aivp_sdk.process import environment
from aivp_sdk.records import forget, is_busy, wait
from aivp_sdk.shim import Shim


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return tmp_path / "effects"


@pytest.fixture
def client(records: Path) -> Iterator[Shim]:
    started = Shim.start(records)
    yield started
    started.close()


def order(*argv: str, **options: Any) -> Order:
    return Order(argv=list(argv), env=environment(), **options)


def shell(text: str, **options: Any) -> Order:
    return order("/bin/sh", "-c", text, **options)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def in_child(work: Callable[[], None]) -> int:
    """Fork, do `work` there; the process id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def asks(records: Path, what: Order, in_a_group_of_its_own: bool = False) -> None:
    if in_a_group_of_its_own:
        os.setsid()
    Shim.start(records).run("k", what)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_outcome_is_recorded(client: Shim, records: Path) -> None:
    done = client.run("k", shell("echo out; echo err >&2; exit 3"))
    assert done == Completed(3, "out\n", "err\n")
    assert json.loads((records / "k/outcome").read_text())["code"] == 3
    assert (records / "k").stat().st_mode & 0o777 == 0o700
    assert (records / "k/outcome").stat().st_mode & 0o777 == 0o600


def test_one_key_runs_once(client: Shim, records: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    count = shell(f"echo ran >> {ledger}; echo $$")
    first = client.run("k", count)
    assert client.run("k", count) == first
    later = Shim.start(records)
    assert later.run("k", count) == first
    later.close()
    assert ledger.read_text() == "ran\n"


def test_two_clients_at_once_run_it_once(records: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"

    def run_it() -> None:
        one = Shim.start(records)
        done = one.run("k", shell(f"sleep 0.2; echo ran >> {ledger}"))
        (tmp_path / f"answer-{os.getpid()}").write_text(str(done.code))

    for pid in [in_child(run_it) for _ in range(8)]:
        os.waitpid(pid, 0)
    assert ledger.read_text() == "ran\n"
    assert [path.read_text() for path in tmp_path.glob("answer-*")] == ["0"] * 8
    assert [path.name for path in records.iterdir()] == ["k"]


def test_client_killed_in_the_middle(records: Path, tmp_path: Path) -> None:
    started, ledger = tmp_path / "started", tmp_path / "ledger"
    slow = shell(f"touch {started}; sleep 0.5; echo ran >> {ledger}; echo done")
    pid = in_child(lambda: asks(records, slow))
    eventually(started.exists)
    kill(pid)
    assert is_busy(records)
    later = Shim.start(records)
    before = time.monotonic()
    assert later.run("k", slow).stdout == "done\n"
    assert time.monotonic() - before > 0.1, "it did not wait"
    assert not is_busy(records)
    later.close()
    assert ledger.read_text() == "ran\n"


def test_signals_to_the_client_leave_the_shim_alone(records: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    slow = shell(f"touch {started}; sleep 0.3; echo done")
    pid = in_child(lambda: asks(records, slow, in_a_group_of_its_own=True))
    eventually(started.exists)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert is_busy(records)
    wait(records)
    assert json.loads((records / "k/outcome").read_text())["stdout"] == "done\n"


def test_killed_shim_leaves_nobody_who_knows(records: Path, tmp_path: Path) -> None:
    """Nobody answers before the command that lost its shim has ended: another attempt must not run beside it."""
    started, ended = tmp_path / "started", tmp_path / "ended"
    slow = shell(f"touch {started}; sleep 0.6; touch {ended}")
    told = tmp_path / "told"

    def run_it() -> None:
        one = Shim.start(records)
        (tmp_path / "shim.pid").write_text(str(one.pid))
        try:
            one.run("k", slow)
        except Interrupted:
            told.write_text(f"{ended.exists()}")

    pid = in_child(run_it)
    eventually(started.exists)
    os.kill(int((tmp_path / "shim.pid").read_text()), signal.SIGKILL)
    assert is_busy(records)
    os.waitpid(pid, 0)
    assert told.read_text() == "True"
    later = Shim.start(records)
    with pytest.raises(Interrupted):
        later.run("k", slow)
    later.close()
    assert not is_busy(records)


def test_a_killed_shim_ends_the_session_instead_of_starting_more(records: Path, tmp_path: Path) -> None:
    """What it had not begun has no unknown outcome: a new session runs it, under the same key."""
    before, ran = Shim.start(records), tmp_path / "ran"
    os.kill(before.pid, signal.SIGKILL)
    eventually(lambda: not is_alive(before.pid))
    with pytest.raises(SystemExit):
        before.run("k", shell(f"touch {ran}"))
    assert not ran.exists()
    later = Shim.start(records)
    assert later.run("k", shell(f"touch {ran}")).code == 0
    later.close()


def test_reused_process_id_is_not_waited_for(records: Path) -> None:
    place = records / "k"
    place.mkdir(parents=True)
    (place / "alive").touch()
    (place / "process").write_text(f"{os.getpid()} 1@another-boot")
    assert not is_busy(records)
    wait(records)


def test_flood_is_bounded(client: Shim) -> None:
    before = _resident(client.pid)
    done = client.run("k", shell("echo first; yes | head -c 200000000; echo last"))
    assert done.truncated
    assert done.stdout.startswith("first\n")
    assert done.stdout.endswith("last\n")
    assert "[...]" in done.stdout
    assert len(done.stdout) < 70_000
    assert _resident(client.pid) - before < 8 * 1024 * 1024


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_flood_without_end_meets_its_timeout(client: Shim) -> None:
    before = time.monotonic()
    done = client.run("k", order("yes", timeout=0.5))
    assert done.timed_out
    assert time.monotonic() - before < 3


def test_a_time_of_centuries_is_no_time_that_the_shim_dies_of(client: Shim) -> None:
    assert client.run("k", shell("echo done", timeout=2.0**53)).stdout == "done\n"


def test_background_child_does_not_hold_us(client: Shim, tmp_path: Path) -> None:
    before = time.monotonic()
    done = client.run("k", shell(f"sleep 30 & echo $! > {tmp_path}/pid; echo done"))
    assert time.monotonic() - before < 3
    assert done.stdout == "done\n"
    background = int((tmp_path / "pid").read_text())
    assert is_alive(background), "daemons that a command starts live on"
    os.kill(background, signal.SIGKILL)


def test_background_flood_does_not_hold_us(client: Shim, tmp_path: Path) -> None:
    done = client.run("k", shell(f"yes & echo $! > {tmp_path}/pid"))
    assert done.ok
    eventually(lambda: not is_alive(int((tmp_path / "pid").read_text())))  # SIGPIPE


def test_megabyte_of_input(client: Shim) -> None:
    text = "0123456789abcdef" * 65536
    assert client.run("k", order("sha256sum", stdin=text)).stdout.split()[0] == _sha256(text)


def _sha256(text: str) -> str:
    return subprocess.run(["sha256sum"], input=text, capture_output=True, text=True, check=True).stdout.split()[0]


def test_input_that_nobody_reads(client: Shim) -> None:
    assert client.run("k", order("true", stdin="x" * 1_000_000)).ok


def test_empty_input_is_an_end(client: Shim) -> None:
    assert client.run("k", order("cat", stdin="")) == Completed(0, "", "")


def test_timeout_stops_the_whole_group(client: Shim, tmp_path: Path) -> None:
    done = client.run("k", shell(f"sleep 100 & echo $! > {tmp_path}/pid; echo begun; wait", timeout=0.3))
    assert (done.timed_out, done.ok, done.stdout) == (True, False, "begun\n")
    eventually(lambda: not is_alive(int((tmp_path / "pid").read_text())))


def test_timeout_kills_what_does_not_stop(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "GRACE", 0.3)
    deaf = Shim.start(records)
    done = deaf.run("k", shell("trap '' TERM; while :; do sleep 1; done", timeout=0.2))
    assert (done.timed_out, done.code) == (True, -signal.SIGKILL)
    deaf.close()


def test_timeout_lets_it_clean_up(client: Shim, tmp_path: Path) -> None:
    done = client.run("k", shell(f"trap 'touch {tmp_path}/clean; exit 0' TERM; sleep 100 & wait", timeout=0.2))
    assert (tmp_path / "clean").exists()
    assert (done.code, done.timed_out, done.ok) == (0, True, False)


def test_secrets_do_not_reach_the_record(client: Shim, records: Path) -> None:
    done = client.run("k", shell("echo a-hunter2-b; echo hunter2 >&2"), secrets=["hunter2", ""])
    assert (done.stdout, done.stderr) == ("a-(secret)-b\n", "(secret)\n")
    assert b"hunter2" not in (records / "k/outcome").read_bytes()


def test_secret_at_the_cut(client: Shim) -> None:
    secret = "correct-horse-battery-staple"
    script = f"head -c {shim.OUTPUT_HEAD - 10} /dev/zero | tr '\\0' A; printf %s {secret}; yes | head -c 1000000;"
    script += f"printf %s {secret}; head -c {shim.OUTPUT_TAIL - 10} /dev/zero | tr '\\0' B"
    done = client.run("k", shell(script), secrets=[secret])
    head, _, tail = done.stdout.partition("\n[...]\n")
    assert set(head) == {"A"}
    assert set(tail) == {"B"}


def test_no_capture_keeps_nothing(client: Shim, records: Path) -> None:
    done = client.run("k", shell("echo visible"), capture=False)
    assert (done.code, done.stdout) == (0, "")
    assert b"visible" not in (records / "k/outcome").read_bytes()


def test_command_gets_three_descriptors(client: Shim) -> None:
    script = "import os; print(sorted(int(n) for n in os.listdir('/proc/self/fd')))"
    # The fourth is the listing itself.
    assert client.run("k", order(sys.executable, "-I", "-c", script)).stdout == "[0, 1, 2, 3]\n"


def test_shim_holds_nothing_of_ours(records: Path) -> None:
    ours, theirs = os.pipe()
    started = Shim.start(records)
    os.close(theirs)
    assert os.read(ours, 1) == b"", "the shim holds our pipe open"
    names = {os.readlink(f"/proc/{started.pid}/fd/{name}") for name in os.listdir(f"/proc/{started.pid}/fd")}
    assert {name.partition(":")[0] for name in names} == {"/dev/null", "socket"}
    assert Path(f"/proc/{started.pid}/comm").read_text() == "aivp-shim\n"
    os.close(ours)
    started.close()
    eventually(lambda: not is_alive(started.pid))


RESERVED = 0b11 << 31
"""Signals 32 and 33 belong to the C library: no process can set them, whatever ignored them far above."""


def test_command_inherits_no_oddities(records: Path) -> None:
    """Signals ignored or blocked and the umask of whoever started us must not reach commands."""

    def odd() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGALRM})
        os.umask(0o000)
        status = Shim.start(records).run("k", shell("grep Sig /proc/self/status; umask; exit 7"))
        (records / "answer").write_text(json.dumps([status.code, status.stdout]))

    os.waitpid(in_child(odd), 0)
    code, text = json.loads((records / "answer").read_text())
    lines = text.splitlines()
    masks = dict(line.split(":\t") for line in lines[:-1])
    assert code == 7
    assert int(masks["SigIgn"], 16) & ~RESERVED == 0
    assert int(masks["SigBlk"], 16) == 0
    assert lines[-1] == "0022"


def test_cannot_start(client: Shim) -> None:
    for _ in range(2):
        with pytest.raises(Permanent, match="no-such-program"):
            client.run("k", order("no-such-program"))
    with pytest.raises(Permanent, match="no-such-folder"):
        client.run("l", order("true", cwd="/no-such-folder"))
    with pytest.raises(Permanent, match="null byte"):
        client.run("m", order("true", "a\0b"))
    assert client.run("n", order("true")).ok, "the shim is still there"


def test_outcome_fits_a_full_disk(tmp_path: Path) -> None:
    """The exit status has a place even when the command has filled the disk that records lie on."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    small = tmp_path / "small"
    small.mkdir()
    # In a mount namespace of its own: nothing is left behind, whatever happens.
    program = f"""
import os, sys
from pathlib import Path
from aivp_sdk.child import Order
from aivp_sdk.process import environment
from aivp_sdk.shim import Shim
for attempt in (1, 2):
    shim = Shim.start(Path({str(small)!r}) / "effects")
    script = "yes | head -c 60000; cat /dev/zero > {small}/filler 2>/dev/null; exit 5"
    done = shim.run("k", Order(["/bin/sh", "-c", script], environment()))
    print(done.code, done.truncated, (Path({str(small)!r}) / "effects/k/outcome").exists())
    shim.close()
"""
    mount = f'mount -t tmpfs -o size=256k none {small} && exec {sys.executable} -c "$0"'
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        ["unshare", "--mount", "/bin/sh", "-c", mount, program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.stdout == "5 True True\n5 True True\n" or done.stdout == "5 False True\n5 True True\n", done.stderr


def test_records_are_forgotten(client: Shim, records: Path) -> None:
    client.run("k", order("true"))
    forget(records)
    assert not records.exists()
    assert not is_busy(records)
    wait(records)
