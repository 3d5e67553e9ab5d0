"""A real guest: the helper is ready early, survives its end, makes the machine its own, and shuts it down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aivp_guest import files
from aivp_guest.client import GuestError

from tests.lab.machines import Machine, machine, machines_available
from tests.providers.guest.boards import Board, until

_REASON = machines_available()
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(_REASON is not None, reason=f"real guests: {_REASON}"),
    pytest.mark.xdist_group("machines"),
]
_MAC = "02:00:00:00:00:07"
_CARD = ("-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0,mac=52:54:00:12:34:56")
_LARGE = bytes(range(256)) * 40_000


def _identity(number: int, **further: Any) -> dict[str, Any]:
    link = {
        "index": 0,
        "mac": _MAC,
        "addresses": [f"10.0.2.{70 + number}/24", f"fd00::{number}/64"],
        "gateway": "10.0.2.2",
        "dns": ["10.0.2.3"],
    }
    return {"instance": f"i-{number}", "hostname": f"web-{number}", "links": [link], **further}


def _boot(folder: Path, content: list[files.File], init: str) -> Iterator[tuple[Board, Machine]]:
    with machine(content, init, _CARD) as guest:
        board = Board(folder, str(guest.port), _identity(1))
        try:
            try:
                board.do(board.switchboard.wait(25))
            except TimeoutError:  # a busy machine
                assert until(lambda: board.switchboard.ready is not None, 60), guest.console
            yield board, guest
        finally:
            board.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Board, Machine]]:
    """A guest whose init is the helper."""
    yield from _boot(tmp_path_factory.mktemp("small"), files.init_files(), files.INIT)


def test_machine_is_its_own_before_it_is_ready(small: tuple[Board, Machine]) -> None:
    board, _ = small
    ready = board.switchboard.ready
    assert ready is not None
    assert ready.problems == ()
    assert ready.hostname == "web-1"
    assert len(ready.machine_id) == 32
    assert abs(ready.clock - time.time()) < 120
    assert [(link.mac, link.addresses) for link in ready.links] == [(_MAC, ("10.0.2.71/24", "fd00::1/64"))]
    assert [key.split()[0] for key in ready.ssh_host_keys] == ["ssh-ed25519"]


def test_it_becomes_another_one_and_nothing_changes_the_second_time(small: tuple[Board, Machine]) -> None:
    board, _ = small
    with board.guest() as guest:
        first = guest.facts()
        clock = time.time() + 3600
        second = guest.personalise(_identity(2, clock=clock, seed="5a" * 64))
        again = guest.personalise(_identity(2))
        assert second.problems == again.problems == ()
        assert second.boot_id == first.boot_id
        assert second.hostname == "web-2"
        assert second.machine_id not in ("", first.machine_id)
        assert second.ssh_host_keys != first.ssh_host_keys
        assert abs(second.clock - clock) < 60
        assert second.links[0].addresses == ("10.0.2.72/24", "fd00::2/64")
        assert (again.machine_id, again.ssh_host_keys) == (second.machine_id, second.ssh_host_keys)
        assert guest.read_file("/etc/hostname") == b"web-2\n"
        assert b"127.0.1.1 web-2\n" in guest.read_file("/etc/hosts")
        assert guest.read_file("/etc/machine-id").decode().strip() == second.machine_id
        assert guest.read_file("/etc/resolv.conf") == b"nameserver 10.0.2.3\n"
        network = guest.read_file("/etc/systemd/network/05-aivp-eth0.network").decode()
        assert f"MACAddress={_MAC}\n" in network
        assert "Address=10.0.2.72/24\n" in network
        route = guest.run(["ip", "route", "show", "default"]).stdout
        assert route.split()[:5] == b"default via 10.0.2.2 dev eth0".split()
        key = guest.run(["ssh-keygen", "-y", "-f", "/etc/ssh/ssh_host_ed25519_key"]).stdout.decode()
        assert (" ".join(key.split()[:2]),) == second.ssh_host_keys
        guest.personalise(_identity(2, clock=time.time()))


def test_what_cannot_be_done_is_said_and_the_rest_is_done(small: tuple[Board, Machine]) -> None:
    board, _ = small
    with board.guest() as guest:
        keys = guest.personalise(_identity(2)).ssh_host_keys
        wanted = {"instance": "i-2", "hostname": "x" * 100, "links": [{"index": 7}, {"mac": "02:00:00:00:00:99"}]}
        ready = guest.personalise(wanted)
        assert len(ready.problems) == 3
        assert ready.ssh_host_keys == keys


def test_ten_megabytes_both_ways_and_files(small: tuple[Board, Machine], record_property: Any) -> None:
    board, _ = small
    with board.guest() as guest:
        begun = time.monotonic()
        assert guest.run(["cat"], _LARGE).stdout == _LARGE
        record_property("told", f"guest helper: 10 MB to cat and back in {time.monotonic() - begun:.1f} s")
        guest.copy_in(Path(__file__).parent, "/srv/copy")
        assert guest.read_file(f"/srv/copy/{Path(__file__).name}") == Path(__file__).read_bytes()


def test_helper_that_is_killed_comes_back_and_leaves_nothing(small: tuple[Board, Machine]) -> None:
    board, _ = small
    with board.guest() as guest:
        before = guest.facts()
        with pytest.raises(GuestError) as raised:
            guest.run(["sh", "-c", "sleep 1000 & pkill -9 -f 'guest-helper --init' -P 1; sleep 1000"], seconds=20)
        assert raised.value.code == "lost"
    with board.guest(30) as guest:
        assert guest.facts().boot_id == before.boot_id
        assert guest.run(["pgrep", "-x", "sleep"]).stdout == b""


def test_shutdown_is_in_order_and_the_machine_ends(small: tuple[Board, Machine]) -> None:
    board, guest = small
    with board.guest() as client:
        client.write_file("/srv/last", b"word")
        client.shutdown()
    assert guest.process.wait(30) == 0
    assert "Power down" in guest.console


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[tuple[Board, Machine]]:
    """A guest with systemd."""
    yield from _boot(tmp_path, files.files(), "/sbin/init")


@pytest.mark.slow
def test_with_systemd_it_is_ready_before_services_and_restarted_by_it(whole: tuple[Board, Machine]) -> None:
    board, booted = whole
    with board.guest() as guest:
        assert guest.facts().init == "systemd"
        state = guest.run(["systemctl", "is-system-running", "--wait"], seconds=120)
        assert state.stdout.strip() in (b"running", b"degraded")
        assert guest.run(["systemctl", "show", "-P", "ActiveState", "aivp-guest"]).stdout == b"active\n"
        assert b"cycle" not in guest.run(["journalctl", "-b", "--no-pager", "_PID=1"]).stdout
        assert guest.run(["systemctl", "start", "ssh"]).status == 0
        keys = guest.personalise(_identity(3)).ssh_host_keys
        scan = ["ssh-keyscan", "-t", "ed25519", "127.0.0.1"]
        assert until(lambda: guest.run(scan).stdout.decode().strip() == f"127.0.0.1 {keys[0]}", 30)
        with pytest.raises(GuestError):
            guest.run(["systemctl", "kill", "-s", "KILL", "aivp-guest"], seconds=20)
    with board.guest(30) as guest:
        assert guest.run(["systemctl", "show", "-P", "NRestarts", "aivp-guest"]).stdout == b"1\n"
        guest.shutdown()
    assert booted.process.wait(60) == 0
