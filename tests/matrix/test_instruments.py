"""The instruments of the matrix find what they are there for: a trace its calls, a snapshot its differences."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests import lab
from tests.lab.errors import LabError
from tests.lab.snapshots import AccountEntry, FileEntry, PackageEntry, UnitEntry, UnitFileEntry
from tests.matrix import calls, outside
from tests.matrix.report import page

_RUNNER = """\
import os, subprocess, sys
os.write(os.open("/dev/null", os.O_WRONLY), b"x")
open(sys.argv[1] + "/plain", "w").close()
os.rename(sys.argv[1] + "/plain", sys.argv[1] + "/renamed")
open(sys.argv[1] + "/renamed").read()
subprocess.run(["sh", "-c", 'cd "$0" && chmod 600 renamed && mkdir folder', sys.argv[1]])
try:
    os.unlink("/nowhere/at/all")
except OSError:
    pass
"""


def _traced(tmp_path: Path, *argv: str) -> tuple[set[str], set[str]]:
    log = tmp_path / "trace"
    subprocess.run([*calls.tracing(log), *argv], check=True)
    return calls.changing(log)


@pytest.fixture
def needs_strace() -> None:
    reason = calls.missing()
    if reason is not None:
        pytest.skip(reason)


def test_every_change_of_a_runner_and_its_children_is_seen(tmp_path: Path, needs_strace: None) -> None:
    place = tmp_path / "place"
    place.mkdir()
    own, others = _traced(tmp_path, "env", "python3", "-I", "-S", "-c", _RUNNER, str(place))
    assert own == set()
    assert {call.replace(str(place), "") for call in others} == {
        "openat /plain",
        "rename /plain",
        "rename /renamed",
        "fchmodat /renamed",
        "mkdir /folder",
    }


def test_others_do_not_count_and_a_trace_without_a_runner_proves_nothing(tmp_path: Path, needs_strace: None) -> None:
    script = f'touch {tmp_path}/by-hand; exec env python3 -I -S -c "pass"'
    assert _traced(tmp_path, "sh", "-c", script) == (set(), set())
    with pytest.raises(LabError, match="No runner"):
        _traced(tmp_path, sys.executable, "-c", "pass")


def test_a_process_that_runs_already_is_traced(tmp_path: Path, needs_strace: None) -> None:
    script = 'read line; env python3 -I -S -c "open(\\"$0/made\\", \\"w\\")"; true'
    with subprocess.Popen(["sh", "-c", script, str(tmp_path)], stdin=subprocess.PIPE) as started:
        assert started.stdin is not None
        with calls.traced(started.pid, tmp_path / "trace"):
            started.stdin.write(b"go\n")
            started.stdin.close()
            started.wait(30)
    assert calls.changing(tmp_path / "trace") == (set(), {f"openat {tmp_path}/made"})


def _text(content: str, **changed: object) -> FileEntry:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return FileEntry("file", "0644", 0, 0, len(content), 0, digest)._replace(**changed)


_HOST: lab.Snapshot = {
    "/etc/motd": _text("hello\n"),
    "group:crew": AccountEntry("x:1500:ana,eve", ""),
    "group:root": AccountEntry("x:0:", ""),
    "package:hello": PackageEntry("2.10-3", "hold ok installed"),
    "unit-file:web.service": UnitFileEntry("enabled"),
    "unit:web.service": UnitEntry("inactive", ""),
    "user:root": AccountEntry("x:0:0:root:/root:/bin/bash", ""),
}


@pytest.mark.parametrize(
    ("kind", "config", "wrong"),
    [
        ("file", {"path": "/etc/motd", "state": "file", "content": "hello\n", "mode": "0644", "owner": "root"}, []),
        ("file", {"path": "/etc/motd", "content": "bye\n", "mode": "0600"}, ["content", "mode"]),
        ("file", {"path": "/etc/none", "state": "file"}, ["state"]),
        ("package", {"name": "hello", "state": "present", "version": "2.*", "hold": True}, []),
        ("package", {"name": "hello", "state": "purged", "version": "2.1.*"}, ["state", "version"]),
        ("service", {"name": "web", "running": True, "enabled": True, "masked": False}, ["running"]),
        ("user", {"name": "root", "state": "absent", "uid": 1, "groups": ["crew"]}, ["groups", "state", "uid"]),
        ("group", {"name": "crew", "members": ["ana"], "membership": "minimum"}, []),
        ("group", {"name": "crew", "members": ["ana"], "membership": "exclusive", "gid": 1}, ["gid", "members"]),
    ],
)
def test_what_is_not_as_declared_is_seen(kind: str, config: dict[str, object], wrong: list[str]) -> None:
    assert [text.split()[0] for text in outside.differences(_HOST, kind, config)] == wrong


def test_what_a_plan_does_not_say_is_seen() -> None:
    after = {**_HOST, "/etc/motd": _text("bye\n", mode="0600")}
    said = {"path": "/content", "before": "hello\n", "after": "bye\n"}
    config = {"path": "/etc/motd", "content": "bye\n", "mode": "0600"}
    step = {"action": "update", "config": config, "changes": [said]}
    assert list(outside.unforeseen(_HOST, after, "file", step)) == [
        "mode changed from '0644' to '0600', which the plan does not say"
    ]
    mode = {"path": "/mode", "before": "0640", "after": "0600"}
    step = {**step, "changes": [{**said, "after": "good bye\n"}, mode]}
    told = list(outside.unforeseen(_HOST, after, "file", step))
    assert [text.partition(";")[2] for text in told] == [" the plan says 'good bye\\n'", " the plan says '0640'"]


def test_an_empty_page_can_be_made() -> None:
    assert page([], [], ["they differ"]).endswith("## What is not as it should be\n\n- they differ\n")
