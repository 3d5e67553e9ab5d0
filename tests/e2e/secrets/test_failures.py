"""What programs, templates and providers say when they fail is kept where the secret is; nothing stays behind."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.secrets.matrix import more
from tests.e2e.secrets.planted import make
from tests.e2e.secrets.world import World

RNG = random.Random()
SHAPES = ["shell", *more("tiny", "plain", "lines")]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_command_that_shouts_its_secret_and_fails(world: World, shape: str) -> None:
    ref = world.secret("db", make(shape, RNG))
    script = 'echo "out $PW"; echo "err $PW" >&2; cat; printf %s "$PW" | base64; printf %s "$PW" | sha256sum; exit 3'
    world.resource("command.a", shell=script, env={"PW": f"x{ref}y", "DECLARED_FOR": "db"}, stdin=ref)
    said = world.aivp("apply -y -v", code=5, is_watched=True, AIVP_DEBUG="1")
    assert "exit code 3" in said
    world.aivp("runs show")
    world.aivp("runs show --json")
    world.aivp("apply --resume --json", code=5)
    world.aivp("state list --json")
    world.check()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_validate_command_that_prints_the_file(world: World, shape: str) -> None:
    ref = world.secret("db", make(shape, RNG))
    path = world.file(
        "a", content=f"pw={ref}\n", validate=["/bin/sh", "-c", 'cat "$1"; cat "$1" >&2; exit 1', "-", "%s"]
    )
    said = world.aivp("apply -y -v", code=5, is_watched=True, AIVP_DEBUG="1")
    assert "not shown" in said
    world.aivp("runs show --json")
    assert not path.exists()
    world.check()


BROKEN_EDITS: list[Callable[[str], dict[str, object]]] = [
    lambda ref: {"lines": [{"line": "a", "regexp": f"(?P={ref})"}]},
    lambda ref: {"lines": [{"line": "a", "regexp": f"(?P<{ref}>x"}]},
    lambda ref: {"lines": [{"line": f"\\g<{ref}>", "regexp": "(t)heirs", "backrefs": True}]},
    lambda ref: {"lines": [{"line": "a", "insert_after": f"[{ref}"}]},
    lambda ref: {"lines": [{"line": f"a\n{ref}"}]},
    lambda ref: {"blocks": [{"name": ref, "content": "x", "marker": "no mark"}]},
    lambda ref: {"blocks": [{"name": "x", "content": "x", "marker": f"{{mark}} {ref}\n"}]},
    lambda ref: {"blocks": [{"name": "x", "content": f"{ref}\n# BEGIN aivp: x"}]},
]


def test_edits_that_cannot_be_made_do_not_quote_their_secrets(world: World) -> None:
    """Not a part of it, either: a group's name, or what stands behind a backslash."""
    paths = []
    for number, broken in enumerate(BROKEN_EDITS):
        ref = world.secret(f"db{number}", make("plain", RNG))
        paths.append(world.target / f"f{number}")
        paths[-1].write_text("theirs\n")
        world.file(f"f{number}", **broken(ref))
    said = world.aivp("plan -v", code=1, AIVP_DEBUG="1")
    assert all(f"file.f{number}@here" in said for number in range(len(BROKEN_EDITS)))
    world.aivp("observe -o evidence.json")
    world.check(*paths)


def test_a_password_that_is_no_hash_and_keys_that_are_none(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    world.resource("user.root", password=ref)
    world.resource("user.daemon", authorized_keys=[f"ssh-{ref}"])
    said = world.aivp("plan -v", code=1)
    assert "not the hash" in said
    assert "not the line of a public key" in said
    world.check()


def test_a_template_that_fails_on_a_secret(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    for number, text in enumerate(("{{ pw + 1 }}", "{{ pw.nothing }}", "{{ {}[pw] }}", "{{ pw | int(default=x) }}")):
        world.file(f"f{number}", template={"inline": text}, vars={"pw": ref})
    world.aivp("plan -v", code=1, AIVP_DEBUG="1")
    world.check()


def test_a_source_that_fails_tells_nothing(world: World) -> None:
    value = make("plain", RNG)
    world.planted.plant("leaky", value)
    path = world.root / "vault/leaky"
    path.write_text(value)
    world.declared["secrets"]["db"] = {"command": ["/bin/sh", "-c", f"cat {path}; cat {path} >&2; exit 7"]}
    world.file("a", content="${secret.db}")
    said = world.aivp("plan -v", code=1, AIVP_DEBUG="1")
    assert "AIVP0807" in said
    world.check()


def test_bytes_that_are_no_text_tell_nothing(world: World) -> None:
    path = world.root / "vault/bytes"
    path.write_bytes(b"\xff" + world.planted.plant("bytes", make("plain", RNG)).encode())
    path.chmod(0o600)
    world.declared["secrets"]["db"] = {"file": str(path)}
    world.file("a", content="${secret.db}")
    assert "AIVP0810" in world.aivp("plan -v", code=1, AIVP_DEBUG="1")
    world.check()


@pytest.mark.parametrize("victim", ["both", *more("engine", "runner")])
def test_a_kill_in_the_middle_and_a_resume(world: World, victim: str) -> None:
    """A command is at work and a file is half validated; what lies around then, and what is left after `--resume`."""
    ref, other = world.secret("db", make("plain", RNG)), world.secret("other", make("plain", RNG))
    started, ledger = world.target / "started", world.target / "ledger"
    script = f'echo ran >> {ledger}; touch {started}; sleep 1.5; echo "$PW"'
    world.resource("command.a", shell=script, env={"PW": ref, "DECLARED_FOR": "db"}, stdin=f"x{other}")
    path = world.file("a", content=f"pw={ref}\n", depends_on=["command.a"])
    process = world.start("apply -y")
    _until(started.exists)
    runners = _children(process.pid)
    if victim != "runner":
        os.kill(process.pid, signal.SIGKILL)
    if victim != "engine":
        for pid in runners:
            os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=60)
    world.check()
    _no_digest_of(world)
    world.aivp("runs list")
    world.aivp("apply --resume -v", is_watched=True)
    assert ledger.read_text() == "ran\n"
    world.aivp("runs show --json")
    world.check(path)
    assert not [found for found in world.root.rglob(".aivp-*") if found.is_file()]
    assert not list((world.root / "host/effects").glob("*/*"))


def _no_digest_of(world: World) -> None:
    """Names of effects are digests of what was asked for, salted with what state and host know: not of secrets."""
    keys = {path.name for path in (world.root / "host/effects").glob("*/*")}
    assert keys, "no effect was recorded"
    salts = [f"{path.parent.name}/create:command.a@here/1" for path in (world.root / "host/effects").glob("*/*")]
    db, other = world.planted.secrets.values()
    resource = world.declared["resources"]["command.a"]
    for salt in salts:
        environ = [["DECLARED_FOR", "db"], ["PW", db]]
        asked = [["/bin/sh", "-c", resource["shell"]], f"x{other}", None, environ, None, None, None, None]
        assert hashlib.sha256((salt + json.dumps(asked)).encode()).hexdigest()[:32] not in keys


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
        except (OSError, ValueError):
            continue
    return found


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
