"""What no file alone brings about: another machine, a foreign lock, a full disk. One function a code, with real parts.

Each is called with a stage and whether the bad side is meant, and leaves what was said in the stage.
"""

from __future__ import annotations

import hashlib
import json
import os
import pty
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.diagnostics import images, machines, moments, providers
from tests.diagnostics.stage import AIVP, Stage

Situation = Callable[[Stage, bool], None]

HEAD = "aivp: v1\nproject: shop\nhosts: {web: {transport: local}}\n"
MARK = HEAD + "resources:\n  noop.mark: {}\n"
SECRET = (
    "aivp: v1\nproject: shop\nhosts: {web: {transport: local}}\nsecrets: {token: {env: TOKEN}}\n"
    "resources:\n  command.login: {shell: 'true', stdin: '${secret.token}'}\n"
)
GATE = (
    HEAD
    + "resources:\n  command.gate: {shell: \"touch 'HERE/begun'; while [ ! -e 'HERE/open' ]; do sleep 0.05; done\"}\n"
)


def _apply_changed(stage: Stage, change: Callable[[dict], None] | None, text: str = MARK) -> None:
    """Plan, change the plan in the file, and apply that file as reviewed."""
    stage.put({"aivp.yaml": text})
    stage.environ["TOKEN"] = "correct-horse"
    stage.aivp("plan", "-o", "plan.json")
    path = stage.folder / "plan.json"
    if change is not None:
        plan = json.loads(path.read_bytes())
        change(plan)
        path.write_text(json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    stage.aivp("apply", "--digest", f"sha256:{digest}", "plan.json")


def another_machine(stage: Stage, bad: bool) -> None:
    _apply_changed(stage, (lambda plan: plan["hosts"]["web"].update(incarnation="0" * 32)) if bad else None)


def another_code(stage: Stage, bad: bool) -> None:
    _apply_changed(stage, (lambda plan: plan["pins"].update(runner="sha256:" + "0" * 64)) if bad else None)


def undeclared_secret(stage: Stage, bad: bool) -> None:
    _apply_changed(stage, (lambda plan: plan["secrets"].clear()) if bad else None, SECRET)


def another_version(stage: Stage, bad: bool) -> None:
    _apply_changed(stage, (lambda plan: plan["secrets"]["token"].update(version="2")) if bad else None, SECRET)


def later_source(stage: Stage, bad: bool) -> None:
    def change(plan: dict) -> None:
        plan["secrets"]["token"] = {"command": "a-vault-of-tomorrow", "version": "1"}

    _apply_changed(stage, change if bad else None, SECRET)


def _edit(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def _after_apply(stage: Stage, bad: bool, database: str, statement: str, *words: str) -> None:
    stage.put({"aivp.yaml": MARK})
    stage.aivp("apply", "-y")
    if bad:
        _edit(stage.folder / database, statement)
    stage.aivp(*words)


def newer_state(stage: Stage, bad: bool) -> None:
    _after_apply(stage, bad, ".aivp/main/state.db", "PRAGMA user_version=99", "plan")


def newer_host(stage: Stage, bad: bool) -> None:
    _after_apply(stage, bad, "../host/host.db", "PRAGMA user_version=99", "plan")


def damaged_row(stage: Stage, bad: bool) -> None:
    _after_apply(stage, bad, ".aivp/main/state.db", "UPDATE objects SET body='{}'", "state", "check")


def recorded_machine(stage: Stage, bad: bool) -> None:
    change = """UPDATE objects SET body=replace(body, '"incarnation":"', '"incarnation":"0')"""
    _after_apply(stage, bad, ".aivp/main/state.db", change, "plan")


def newer_row(stage: Stage, bad: bool) -> None:
    change = """UPDATE objects SET body=replace(body, '"schema_version":1', '"schema_version":9')"""
    _after_apply(stage, bad, ".aivp/main/state.db", change, "plan")


def runner_fails(stage: Stage, bad: bool) -> None:
    _after_apply(stage, bad, "../host/host.db", "UPDATE registry SET edges='{'", "state", "rebuild", "-y")


def _while_applied(stage: Stage, bad: bool, *words: str) -> None:
    stage.put({"aivp.yaml": GATE.replace("HERE", str(stage.folder)), "other/aivp.yaml": MARK.replace("shop", "office")})
    if not bad:
        (stage.folder / "open").touch()
    first = subprocess.Popen(
        [str(AIVP), "apply", "-y"],
        cwd=stage.folder,
        env=stage.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while not (stage.folder / "begun").exists():
        assert first.poll() is None or not bad, "the first one ended"
        assert time.monotonic() < until
        time.sleep(0.05)
    if not bad:
        first.wait(60)
    try:
        stage.aivp(*words)
    finally:
        (stage.folder / "open").touch()
        first.wait(60)


def state_in_use(stage: Stage, bad: bool) -> None:
    _while_applied(stage, bad, "runs", "abandon")


def host_in_use(stage: Stage, bad: bool) -> None:
    _while_applied(stage, bad, "-C", "other", "apply", "-y")


def still_at_work(stage: Stage, bad: bool) -> None:
    """Engine and runner are killed by the command that they started; it goes on, and another project comes."""
    shell = (
        f"touch '{stage.folder}/begun'; kill -9 $(cat '{stage.folder}/pid') $(cat '{stage.root}/host/runner');"
        f" while [ ! -e '{stage.folder}/open' ]; do sleep 0.05; done"
    )
    channel = f'exec sh -c \'echo $$ > "{stage.root}/host/runner"; exec "$0" "$@"\' "$@"'
    (stage.root / "host").mkdir()
    stage.put({"way": f"#!/bin/sh\n{channel}\n", "run": "#!/bin/sh\necho $$ > pid\nexec aivp apply -y\n"})
    hosts = f"hosts: {{web: {{transport: exec, command: ['{stage.folder}/way']}}}}\n"
    head = f"aivp: v1\nproject: shop\n{hosts}"
    stage.put({"aivp.yaml": head + "resources:\n  command.long: {shell: " + json.dumps(shell) + "}\n"})
    stage.put({"other/aivp.yaml": f"aivp: v1\nproject: office\n{hosts}resources:\n  noop.mark: {{}}\n"})
    if not bad:
        (stage.folder / "open").touch()
    stage.shell("./run")
    try:
        stage.aivp("-C", "other", "apply", "-y")
    finally:
        (stage.folder / "open").touch()
    time.sleep(0.3)


def foreign_content(stage: Stage, bad: bool) -> None:
    from tests.e2e import blobs

    asker = Path(blobs.__file__).with_name("asker.py")
    env = ["env", f"AIVP_HOST_STATE={stage.root}/far"]
    command = [*env, sys.executable, str(asker), json.dumps([["0" * 64, 0, 10]])] if bad else env
    (stage.folder / "own").write_bytes(b"own" * 100_000)
    head = f"aivp: v1\nproject: shop\nhosts: {{web: {{transport: exec, command: {json.dumps(command)}}}}}\n"
    stage.put({"aivp.yaml": f"{head}resources:\n  file.own: {{path: '{stage.folder}/copy', source: own}}\n"})
    stage.aivp("apply", "-y")


def no_room(stage: Stage, bad: bool) -> None:
    from tests.e2e.faults.disks import small_disk

    (stage.folder / "image").write_bytes(os.urandom(40 * 1024 * 1024))
    stage.put({"aivp.yaml": f"{HEAD}resources:\n  file.image: {{path: '{stage.folder}/copy', source: image}}\n"})
    with small_disk(stage.root / "host", "24M" if bad else "200M"):
        stage.aivp("apply", "-y")


def little_room(stage: Stage, bad: bool) -> None:
    from tests.e2e.faults.disks import small_disk

    stage.put({"aivp.yaml": HEAD})
    with small_disk(stage.root / "host", "3M" if bad else "500M"):
        stage.aivp("hosts", "check")


def clock_is_off(stage: Stage, bad: bool) -> None:
    """No clock of this machine is touched: what a check makes of the time that a host tells."""
    from aivp.observe.health import Checked, judged

    clock = -3600.0 if bad else 0.1
    told = Checked("web", os="debian 13", python="3.13", user=0, folder="/", free=1 << 40, clock=clock, round_trip=0.05)
    stage.hear("".join(f"{item.severity}[{item.code}]: {item.why}\n" for item in judged(told, "", b"").remarks))


def _examined(stage: Stage, need: str, name: str, answer: dict[str, str]) -> None:
    """No right of this machine is touched: what becomes of a host's answer."""
    from aivp_contract.needs import read_need

    from aivp.observe.mending import Ground, finding
    from aivp.observe.wants import Want

    want = Want(read_need({need: name, "why": "to make things"}), ("acme/thing",), whys=("to make things",))
    found = finding(want, {"detail": "", **answer}, Ground("web", "apt", "ana", is_root=False, can_sudo=True)).remark
    stage.hear("" if found is None else f"{found.severity}[{found.code}]: {found.why}\n")


def no_right(stage: Stage, bad: bool) -> None:
    _examined(stage, "privilege", "root", {"state": "refused" if bad else "met"})


def nobody_knows(stage: Stage, bad: bool) -> None:
    _examined(stage, "module", "bridge", {"state": "unseen" if bad else "met"})


def little_room_here(stage: Stage, bad: bool) -> None:
    from aivp.engine.controller import room

    remarks = [item.remark for item in room(stage.folder, 1024 if bad else 1 << 40) if item.remark is not None]
    stage.hear("".join(f"{item.severity}[{item.code}]: {item.why}\n" for item in remarks))


def forged_answer(stage: Stage, bad: bool) -> None:
    """Between engine and runner, an answer about a thing is changed."""
    forger = Path(__file__).with_name("forger.py")
    env = ["env", f"AIVP_HOST_STATE={stage.root}/far"]
    command = [*env, sys.executable, str(forger)] if bad else env
    head = f"aivp: v1\nproject: shop\nhosts: {{web: {{transport: exec, command: {json.dumps(command)}}}}}\n"
    stage.put({"aivp.yaml": f"{head}resources:\n  file.motd: {{path: /etc/motd}}\n"})
    stage.aivp("plan")


def asked(stage: Stage, bad: bool) -> None:
    """With a terminal, which says no or yes."""
    stage.put({"aivp.yaml": MARK})
    process, descriptor = pty.fork()
    if process == 0:
        os.chdir(stage.folder)
        os.execve(str(AIVP), [str(AIVP), "apply", "--no-color"], stage.environ)
    os.write(descriptor, b"no\n" if bad else b"yes\n")
    said = b""
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:
            break
        if not part:
            break
        said += part
    os.waitpid(process, 0)
    os.close(descriptor)
    stage.hear(said.decode(errors="replace").replace("\r", ""))


def odd_user(stage: Stage, bad: bool) -> None:
    """No account of this machine is touched: what becomes of a list that a provider gave."""
    from aivp.model.discovered import Discovered
    from aivp.observe.discover import _fitting
    from aivp.plugins import Registry

    name = "no good" if bad else "anna"
    listed = Discovered({"name": name}, {"name": name})
    _, left = _fitting(Registry.discover().kinds["user"], "web", [listed])
    stage.hear("".join(f"{item.severity}[{item.code}]: {item.why}\n" for item in left))


def no_kit(stage: Stage, bad: bool) -> None:
    hide = "import importlib.util as u\nreal = u.find_spec\n"
    hide += "u.find_spec = lambda name, *more: None if name == 'aivp_conformance' else real(name, *more)\n"
    stage.put({"hidden/sitecustomize.py": hide if bad else ""})
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    kinds = {"acme/thing": {"identity": ["name"], "schema": schema}}
    start = {"any": ["{folder}/acme"]}
    manifest = json.dumps({"manifest": 1, "name": "acme", "version": "1.0.0", "start": start, "kinds": kinds})
    stage.put({"acme/manifest.json": manifest, "acme/acme": "#!/bin/sh\n"})  # which the kit finds at fault at once
    stage.aivp("providers", "test", "acme", PYTHONPATH=str(stage.folder / "hidden"))


SITUATIONS: Mapping[str, Situation] = {
    **machines.SITUATIONS,
    **providers.SITUATIONS,
    **moments.SITUATIONS,
    **images.SITUATIONS,
    "AIVP0419": newer_row,
    "AIVP0502": another_machine,
    "AIVP0507": another_code,
    "AIVP0511": state_in_use,
    "AIVP0603": foreign_content,
    "AIVP0604": host_in_use,
    "AIVP0607": still_at_work,
    "AIVP0609": runner_fails,
    "AIVP0612": forged_answer,
    "AIVP0613": newer_host,
    "AIVP0621": little_room,
    "AIVP0622": clock_is_off,
    "AIVP0630": no_room,
    "AIVP0697": no_right,
    "AIVP0699": nobody_knows,
    "AIVP0701": newer_state,
    "AIVP0708": recorded_machine,
    "AIVP0801": undeclared_secret,
    "AIVP0802": another_version,
    "AIVP0817": later_source,
    "AIVP0842": damaged_row,
    "AIVP0904": asked,
    "AIVP0912": odd_user,
    "AIVP0922": no_kit,
    "AIVP0982": little_room_here,
}
