"""Links are opened while other things are done: never before the declaration is right, never more than may be open."""

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


@pytest.mark.parametrize(
    ("declared", "options", "code", "reached"),
    [
        ("{content: x, path: PATH}", [], 0, ["one"]),
        ("{content: x, path: PATH}", ["--untrusted"], 0, []),
        ("{contents: x, path: PATH}", [], 1, []),
        ('{content: "${file.b.path}", path: PATH}', [], 1, []),
    ],
)
def test_no_host_is_reached_before_the_declaration_is_right(
    tmp_path: Path, started: Callable[[], list[str]], declared: str, options: list[str], code: int, reached: list[str]
) -> None:
    declared = declared.replace("PATH", str(tmp_path / "written"))
    hosts = "hosts: {one: {transport: ssh}, idle: {transport: ssh}}"
    resources = f"resources: {{file.a: {{host: one, {declared[1:]}}}"
    (tmp_path / "aivp.yaml").write_text(f"aivp: v1\nproject: p\n{hosts}\n{resources}\n")
    done = subprocess.run([AIVP, "plan", *options], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, started()) == (code, reached), done.stdout + done.stderr


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
