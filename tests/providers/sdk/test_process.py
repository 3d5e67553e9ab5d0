"""Probes: bounded in time and memory, and with nothing of the caller's environment in them."""

import os
import time
from pathlib import Path

import pytest
from aivp_sdk import Permanent, Temporary
from aivp_sdk.process import PROBE_OUTPUT, Session
from aivp_sdk.shim import Shim

SESSION = Session(None)


def test_output_and_code() -> None:
    done = SESSION.probe(["/bin/sh", "-c", "cat; echo err >&2; exit 4"], stdin="in")
    assert (done.code, done.stdout, done.stderr, done.truncated) == (4, "in", "err\n", False)


def test_environment_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVP_TEST", "leaks")
    shown = SESSION.probe(["env"], env={"A": "1"}).stdout
    assert "leaks" not in shown
    assert {"A=1", "LC_ALL=C.UTF-8"} <= set(shown.splitlines())


def test_flood_is_bounded() -> None:
    done = SESSION.probe(["/bin/sh", "-c", "yes | head -c 50000000"])
    assert done.truncated
    assert len(done.stdout) == PROBE_OUTPUT


def test_timeout_stops_all_of_it(tmp_path: Path) -> None:
    before = time.monotonic()
    with pytest.raises(Temporary, match="did not answer within 1 s"):
        SESSION.probe(["/bin/sh", "-c", f"sleep 100 & echo $! > {tmp_path}/pid; wait"], timeout=1)
    assert time.monotonic() - before < 5
    orphan = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}")
    while orphan.exists() and " Z " not in (orphan / "stat").read_text():
        assert time.monotonic() - before < 10
        time.sleep(0.01)


def test_cannot_start() -> None:
    assert SESSION.probe(["no-such-program"]).code == 127
    assert SESSION.probe(["/etc/passwd"]).code == 126
    with pytest.raises(Permanent, match="no-such-user"):
        SESSION.probe(["true"], user="no-such-user")


def test_effect_needs_a_step() -> None:
    with pytest.raises(RuntimeError):
        SESSION.effect(["true"])


def test_key_is_what_was_asked_for(tmp_path: Path) -> None:
    """Not what it came to: a home or group changed by the effect itself must not make it another effect."""
    shim = Shim.start(tmp_path)
    session = Session(shim)
    session.key = "run/step/1"
    for _ in range(2):
        session.effect(["true"])
    session.effect(["true"], timeout=5)
    assert len(list(tmp_path.iterdir())) == 2
    shim.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="running a command as another user needs root")
def test_as_another_user() -> None:
    assert SESSION.probe(["id", "-un"], user="nobody").stdout == "nobody\n"
