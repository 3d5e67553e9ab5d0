"""Sessions are lent: never more than the bound, opened again after they had to make room, noise before them skipped."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aivp.diagnostics import Refused
from aivp.hosts.archive import build
from aivp.hosts.greeting import Owner, greet
from aivp.hosts.session import HostSession
from aivp.hosts.sessions import Sessions
from aivp.model.resource import Host
from aivp.plugins import Registry

ARCHIVE = build(Registry.discover())
OWNER = Owner("p", "main", None)


def host(name: str, folder: Path, before: str = "true") -> Host:
    """A host of its own on this machine; `before`: what its login shell does first."""
    script = f'export AIVP_HOST_STATE={folder}/{name}; {before}; shift; exec python3 "$@"'
    return Host(name, "exec", {"command": ["sh", "-c", script, "sh"]})


def test_no_more_are_open_than_may_be_and_each_is_opened_again(tmp_path: Path) -> None:
    hosts = [host(f"h{number}", tmp_path) for number in range(5)]
    arrivals: list[str] = []
    lock, most, now = threading.Lock(), 0, 0

    def arrive(session: HostSession) -> None:
        arrivals.append(session.host.name)
        greet(session, OWNER, ARCHIVE.kinds)

    def look(name: str) -> str:
        nonlocal most, now
        with sessions.visit(hosts[int(name[1])], arrive) as session:
            with lock:
                now += 1
                most = max(most, now)
            answer = session.request("observe", {"items": []})
            with lock:
                now -= 1
        return str(answer)

    with Sessions(lambda: ARCHIVE, parallelism=2) as sessions:
        for _ in range(2):
            answers = sessions.each([one.name for one in hosts], look, parallelism=5)
            assert set(answers.values()) == {"{'items': []}"}, answers
        assert len(sessions._open) <= 2
    assert most <= 2
    assert len(arrivals) >= 8  # five, and at least the three of them that had made room


def test_one_whose_link_broke_is_opened_again(tmp_path: Path) -> None:
    one = host("h", tmp_path)
    arrivals: list[HostSession] = []
    with Sessions(lambda: ARCHIVE) as sessions:
        with sessions.visit(one, arrivals.append) as session:
            session.link.process.kill()
            session.link.process.wait()
        with sessions.visit(one, arrivals.append) as session:
            greet(session, OWNER, ARCHIVE.kinds)
    assert len(arrivals) == 2


def test_who_cannot_arrive_leaves_no_session_behind(tmp_path: Path) -> None:
    def refuse(_: HostSession) -> None:
        raise Refused(())

    with Sessions(lambda: ARCHIVE) as sessions:
        with pytest.raises(Refused), sessions.visit(host("h", tmp_path), refuse):
            pass
        assert not sessions._open


@pytest.mark.parametrize(
    "noise",
    ["echo Welcome to the lab", "printf 'no line end'", "printf '\\377\\000\\n'; echo need; echo have", "seq 5000"],
)
def test_what_a_login_shell_prints_is_skipped(tmp_path: Path, noise: str) -> None:
    with Sessions(lambda: ARCHIVE) as sessions, sessions.visit(host("h", tmp_path, noise)) as session:
        assert greet(session, OWNER, ARCHIVE.kinds).facts["python"]
        assert session.noise


@pytest.mark.parametrize(
    ("before", "code", "words"),
    [
        ("yes", "AIVP0601", "prints without end"),
        ("exit 3", "AIVP0601", "ended with exit code 3"),
        ("echo shut >&2; exit 0", "AIVP0601", "shut"),
        ("exec missing-command", "AIVP0615", "no python3 is there"),
        ("""echo '{"error": "python", "found": "3.6"}'; exit 1""", "AIVP0602", "it has Python 3.6"),
    ],
)
def test_where_no_runner_comes_up_it_is_said_why(tmp_path: Path, before: str, code: str, words: str) -> None:
    with Sessions(lambda: ARCHIVE) as sessions:
        with pytest.raises(Refused) as caught, sessions.visit(host("h", tmp_path, before)):
            pass
        (found,) = caught.value.diagnostics
        assert (found.code, words in found.why) == (code, True), found
        assert found.mend
