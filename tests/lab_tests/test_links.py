"""What can be wrong with a wire, and that it goes away again."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests import lab

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def network(needs_network: None) -> Iterator[lab.Network]:
    with lab.network() as laid:
        laid.host("web")
        yield laid


@pytest.fixture
def web(network: lab.Network) -> Iterator[lab.SshHost]:
    host = network.all[0]
    yield host
    host.link.restore()


def _seconds(network: lab.Network, command: str, data: bytes = b"", seconds: float = 60) -> float:
    begun = time.monotonic()
    argv = network.ssh("web", command)
    subprocess.run(argv, input=data, capture_output=True, check=True, timeout=seconds)
    return time.monotonic() - begun


def _connecting(address: str) -> float:
    begun = time.monotonic()
    with socket.create_connection((address, 22), 5):
        return time.monotonic() - begun


def test_a_delay_is_paid_by_every_round_trip(network: lab.Network, web: lab.SshHost) -> None:
    web.link.delay(0.2)
    with network.joined():
        connected = min(_connecting(web.address) for _ in range(3))
    assert 0.2 <= connected < 0.4, "the handshake of TCP takes one round trip"
    delayed = _seconds(network, "true")
    web.link.delay(0)
    assert _seconds(network, "true") + 0.5 < delayed


def test_bytes_pass_a_delayed_link_unharmed(network: lab.Network, web: lab.SshHost) -> None:
    web.link.delay(0.02)
    data = bytes(range(256)) * 16384
    done = subprocess.run(network.ssh("web", "cat"), input=data, capture_output=True, check=True, timeout=60)
    assert done.stdout == data


def test_a_slow_link_carries_what_it_may(network: lab.Network, web: lab.SshHost) -> None:
    web.link.throttle(1_000_000)
    slow = (_seconds(network, "cat > /dev/null", bytes(2_000_000)), _seconds(network, "head -c 2000000 /dev/zero"))
    assert min(slow) > 1.4
    web.link.throttle(None)
    assert _seconds(network, "head -c 2000000 /dev/zero") + 0.5 < min(slow)


def test_a_cut_is_silent_and_a_session_survives_a_short_one(network: lab.Network, web: lab.SshHost) -> None:
    with subprocess.Popen(network.ssh("web", "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write(b"one\n")
        session.stdin.flush()
        assert session.stdout.readline() == b"one\n"
        web.link.cut()
        argv = network.ssh("web", "true", options=["-o", "ConnectTimeout=1"])
        refused = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        assert "Connection timed out" in refused.stderr
        session.stdin.write(b"two\n")
        session.stdin.flush()
        assert session.poll() is None
        web.link.mend()
        assert session.stdout.readline() == b"two\n"
        session.stdin.close()
        assert session.wait(10) == 0


def test_a_session_ends_by_itself_when_nothing_is_heard(network: lab.Network, web: lab.SshHost) -> None:
    alive = ["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1"]
    argv = network.ssh("web", "cat", options=alive)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write(b"one\n")
        session.stdin.flush()
        session.stdout.readline()
        web.link.cut()
        assert session.wait(15) == 255


def test_a_cut_stays_when_a_delay_comes_and_goes(network: lab.Network, web: lab.SshHost) -> None:
    web.link.cut()
    argv = network.ssh("web", "true", options=["-o", "ConnectTimeout=1"])
    for seconds in (0.01, 0):
        web.link.delay(seconds)
        assert subprocess.run(argv, capture_output=True, timeout=30, check=False).returncode == 255
    web.link.mend()
    _seconds(network, "true")
