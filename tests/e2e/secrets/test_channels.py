"""Hosts that are reached by a command: the secret goes through its pipe, and not into its environment or arguments."""

from __future__ import annotations

import base64
import random
import subprocess

import pytest

from tests import lab
from tests.e2e.secrets.planted import make
from tests.e2e.secrets.test_leaks import live, plant
from tests.e2e.secrets.world import World

HASH = "$6$aivp$" + "k3JmN0pQ" * 10 + "abcdef"


def test_an_exec_channel_does_not_inherit_secrets(world: World) -> None:
    """A channel command gets the user's environment, but for the variables that secrets come from."""
    rng = random.Random()
    world.declared["hosts"]["here"] = {"transport": "exec", "command": ["/usr/bin/env", "ON_ITS_WAY=1"]}
    ref = world.secret("db", make("plain", rng))
    world.environ["HARMLESS"] = "harmless"
    path = world.file("a", content=ref)
    seen = world.target / "seen"
    world.resource("command.b", shell=f"tr '\\0' '\\n' < /proc/$PPID/environ > {seen}; sleep 0.2", stdin=ref)
    world.aivp("plan -o plan.json", is_watched=True)
    world.aivp("apply plan.json", is_watched=True)
    assert "HARMLESS=harmless" in seen.read_text()  # the shim's, which the channel's became
    world.aivp("destroy -y", is_watched=True)
    world.check(path)


@pytest.mark.slow
def test_nothing_gets_out_through_an_exec_channel(world: World) -> None:
    rng = random.Random()
    world.declared["hosts"]["here"] = {"transport": "exec", "command": ["/usr/bin/env", "ON_ITS_WAY=1"]}
    live(world, plant(world, rng, rng.randrange(100)), rng)


@pytest.mark.slow
@pytest.mark.lab
def test_nothing_gets_out_of_a_throwaway_host(world: World) -> None:
    reason = lab.available()
    if reason is not None:
        pytest.skip(reason)
    rng = random.Random()
    with lab.host() as host:
        world.declared["hosts"]["here"] = {"transport": "exec", "command": list(host.argv)}
        text, stored = make("lines", rng), world.secret("hash", HASH)
        ref = world.secret("db", text)
        world.resource("file.a", path="/etc/a.conf", content=f"pw={ref}\n", mode="0640")
        world.resource("user.someone", password=stored)
        world.resource("command.b", shell='test -n "$PW" && sleep 0.3', env={"PW": ref, "DECLARED_FOR": "db"})
        world.resource("user.other", create_home=True, authorized_keys=[f"ssh-ed25519 {_key()} ${{secret.db1}}"])
        world.secret("db1", make("plain", rng))
        world.aivp("plan -v -o plan.json", is_watched=True)
        world.aivp("apply plan.json -v", is_watched=True, AIVP_DEBUG="1")
        assert "No changes" in world.aivp("plan --detailed-exitcode")
        world.aivp("state show user.someone@here")
        assert HASH in _run(host, "getent shadow someone")
        assert text in _run(host, "cat /etc/a.conf")
        remembered = _run(host, "cat /var/lib/aivp/host.db*; find /var/lib/aivp /tmp || true")
        world.scanner.text("host", remembered.encode())
        grep = 'grep -raFl -e "$(sed -n 2p /etc/a.conf)" /var/lib /var/log /var/tmp /tmp /run 2>/dev/null || true'
        assert _run(host, grep).strip() == ""
        world.check()
        world.aivp("destroy -y -v", is_watched=True)
        world.check()


def _run(host: lab.Host, script: str) -> str:
    done = subprocess.run([*host.argv, "sh", "-c", script], capture_output=True, check=True, timeout=60)
    return done.stdout.decode(errors="replace")


def _key() -> str:
    kind, blob = b"ssh-ed25519", bytes(range(32))
    parts = b"".join(len(part).to_bytes(4, "big") + part for part in (kind, blob))
    return base64.b64encode(parts).decode()
