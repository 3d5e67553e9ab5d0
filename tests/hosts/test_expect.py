"""Links are opened while other things are done: for no host that may be a mistake, never more than may be open."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aivp.hosts.archive import build
from aivp.hosts.greeting import Owner, greet
from aivp.hosts.sessions import Sessions
from aivp.model.resource import Host
from aivp.plugins import Registry

ARCHIVE = build(Registry.discover())
OWNER = Owner("p", "main", None)
AIVP = str(Path(sys.executable).with_name("aivp"))


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """An `ssh` that runs its command here, with a folder of its own for each host; who was reached so far, in order."""
    program, log = tmp_path / "ssh", tmp_path / "log"
    program.write_text(
        "#!/bin/sh\n"
        'while [ "$1" != -- ]; do shift; done\n'
        f'echo "$2" >>{log}\n'
        f'AIVP_HOST_STATE={tmp_path}/"$2" exec sh -c "$3"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("AIVP_SSH", str(program))
    return lambda: log.read_text().split() if log.exists() else []


def host(name: str) -> Host:
    return Host(name, "ssh", {"address": name})


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds by then."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_those_that_come_are_used_and_make_room(started: Callable[[], list[str]]) -> None:
    one, two, three = (host(name) for name in ("one", "two", "three"))
    with Sessions(lambda: ARCHIVE, parallelism=2) as sessions:
        sessions.expect([one, two, three])
        links = [link for _, link in sessions._coming.values()]
        assert within(10, lambda: sorted(started()) == ["one", "two"])
        with sessions.visit(one) as session:
            assert session.link is links[0]
            greet(session, OWNER, ARCHIVE.kinds)
        with sessions.visit(three) as session:
            greet(session, OWNER, ARCHIVE.kinds)
        assert len(sessions._held()) <= 2
        with sessions.visit(one) as session:
            greet(session, OWNER, ARCHIVE.kinds)
    assert started().count("three") == 1
    assert all(link.is_over for link in links)


def test_those_that_nobody_visits_are_let_go(started: Callable[[], list[str]]) -> None:
    with Sessions(lambda: ARCHIVE) as sessions:
        sessions.expect([host("one")])
        ((_, link),) = sessions._coming.values()
    assert link.is_over


def test_nobody_is_expected_whom_a_password_has_to_be_given_to(started: Callable[[], list[str]]) -> None:
    become = {"method": "sudo", "user": "root", "password": "${secret.pw}"}
    with Sessions(lambda: ARCHIVE) as sessions:
        sessions.expect([Host("one", "ssh", {"address": "one", "become": become}), Host("two", "local", {})])
        assert not sessions._coming


HOSTS = "hosts: {one: {transport: ssh}, idle: {transport: ssh}}"


@pytest.mark.parametrize(
    ("hosts", "declared", "options", "code", "reached"),
    [
        (HOSTS, "{content: x, path: PATH}", [], 0, ["one"]),
        (HOSTS, "{when: {project.name: p}, content: x, path: PATH}", [], 0, ["one"]),
        (HOSTS, "{content: x, path: PATH}", ["--untrusted"], 0, []),
        (HOSTS, "{content: x, content: y, path: PATH}", [], 1, []),
        (HOSTS, "{when: {project.name: p}, contents: x, path: PATH}", [], 1, []),
        (HOSTS.replace("idle: {", "idle: {prot: 22, "), "{content: x, path: PATH}", [], 1, []),
    ],
)
def test_whom_a_plan_reaches(
    tmp_path: Path,
    started: Callable[[], list[str]],
    hosts: str,
    declared: str,
    options: list[str],
    code: int,
    reached: list[str],
) -> None:
    done = plan(tmp_path, hosts, declared, *options)
    assert (done.returncode, started()) == (code, reached), done.stdout + done.stderr


@pytest.mark.parametrize("declared", ["{contents: x, path: PATH}", '{content: "${file.b.path}", path: PATH}'])
def test_where_compile_finds_a_mistake_nothing_runs_but_the_login(
    tmp_path: Path, started: Callable[[], list[str]], declared: str
) -> None:
    done = plan(tmp_path, HOSTS, declared)
    assert done.returncode == 1, done.stdout + done.stderr
    assert {*started()} <= {"one"}
    assert not (tmp_path / "one").exists()


def test_no_other_command_is_ahead(tmp_path: Path, started: Callable[[], list[str]]) -> None:
    assert plan(tmp_path, HOSTS, "{content: x, path: PATH}").returncode == 0
    for words in (["validate"], ["compile", "-o", "ir.json"], ["graph", "-o", "graph.json"]):
        subprocess.run([AIVP, *words], cwd=tmp_path, capture_output=True, check=True)
    assert started() == ["one"]


def plan(folder: Path, hosts: str, declared: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The project of one file on the host `one`, planned."""
    declared = declared.replace("PATH", str(folder / "written"))
    text = f"aivp: v1\nproject: p\n{hosts}\nresources: {{file.a: {{host: one, {declared[1:]}}}\n"
    (folder / "aivp.yaml").write_text(text)
    return subprocess.run([AIVP, "plan", *options], cwd=folder, capture_output=True, text=True, check=False)


def test_a_runner_keeps_what_it_compiled_and_compiles_it_once(tmp_path: Path, started: Callable[[], list[str]]) -> None:
    def look() -> bytes:
        item = {"id": "f", "kind": "file", "config": {"path": "/etc/passwd"}, "identity": {"path": "/etc/passwd"}}
        with Sessions(lambda: ARCHIVE) as sessions, sessions.visit(host("one")) as session:
            greet(session, OWNER, ARCHIVE.kinds)
            assert len(session.gather("observe", {"items": [item]}, "items", by="observed")) == 1
        (cached,) = (tmp_path / "one/cache").glob("*.cpython-*")
        return cached.read_bytes()

    first = look()
    assert look() == first
    kept = marshal.loads(first[8:])  # behind the magic number and the checksum
    assert {"aivp_runner.main", "aivp_host.file"} <= kept.keys()
    assert any("__init__" in text and "\n" in text for text in kept)
    assert os.stat(next((tmp_path / "one/cache").glob("*.cpython-*"))).st_mode & 0o077 == 0
