"""vm from outside, against folders of VMs with a program that stands in for the real one beside them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from aivp_runner.outcome import identity_text
from aivp_runner.store import HostStore

from tests.cli.vms import KEY, Lab


@pytest.fixture
def shell(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_no_vm_at_all(shell: Lab) -> None:
    assert shell.run("vm", "list").stdout == b"There is no VM.\n"
    assert shell.run("vm", "list", "--json").stdout == b""
    assert shell.run("vm", "top").stdout == b"There is no VM.\n"
    done = shell.run("vm", "start", "web")
    assert (done.returncode, b"AIVP0985" in done.stderr) == (1, True)


def test_list(shell: Lab) -> None:
    shell.make("db", "web")
    shell.make("old", is_ours=False)
    shutil.rmtree(shell.vms / "db")
    said = shell.run("vm", "list").stdout.decode()
    rows = [line.split("  ") for line in said.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells == [
        ["VM", "STATE", "ADDRESS", "ACCELERATOR", "CPUS", "MEMORY", "UPTIME"],
        ["vm.db@lab", "absent", "10.7.0.2", "-", "-", "-", "-"],
        ["vm.web@lab", "running", "10.7.0.2", "tcg", "2", "512 MiB", "1 min 15 s"],
        ["old on lab (not of this project)", "running", "10.7.0.2", "tcg", "2", "512 MiB", "1 min 15 s"],
    ]
    found = {item["name"]: item for item in shell.lines("vm", "list")}
    assert (found["web"]["status"], found["old"]["address"]) == ("running", None)


def test_two_hundred_are_one_question(shell: Lab) -> None:
    shell.make("web")
    shell.know([shell.row(f"w{number}", "lab") for number in range(200)])
    (shell.vms / "web/program/ctl.py").rename(shell.vms / "web/program/real.py")
    counting = f"open({str(shell.folder / 'asked')!r}, 'a').write('x')\nexec(open(__file__[:-6] + 'real.py').read())\n"
    (shell.vms / "web/program/ctl.py").write_text(counting)
    for number in range(200):
        shutil.copytree(shell.vms / "web", shell.vms / f"w{number}")
    assert len(shell.lines("vm", "list")) == 201
    assert (shell.folder / "asked").read_text() == "x"


def test_a_host_that_cannot_be_asked_stops_no_other(shell: Lab) -> None:
    shell.make("web")
    text = "aivp: v1\nproject: calm\nhosts:\n  lab: {transport: local}\n  far: {transport: exec, command: ['false']}\n"
    (shell.folder / "aivp.yaml").write_text(text)
    shell.know([shell.row("lost", "far")])
    done = shell.run("vm", "list")
    assert done.returncode == 1
    assert b"AIVP0601" in done.stderr
    assert b"vm.lost@far  unknown" in done.stdout
    assert b"vm.web@lab   running" in done.stdout


def test_start_and_stop_several(shell: Lab) -> None:
    shell.make("db", "web")
    done = shell.run("vm", "stop", "vm.web", "db", "--timeout", "5")
    assert done.stdout == b"vm.db@lab: stopped\nvm.web@lab: stopped\n"
    assert shell.spec("web")["stopped_with"] == ["--timeout", "5"]
    assert shell.run("vm", "start", "vm.web@lab").stdout == b"vm.web@lab: running\n"
    assert shell.lines("vm", "pause", "web")[0]["status"] == "paused"
    assert shell.run("vm", "resume", "web").stdout == b"vm.web@lab: running\n"
    shutil.rmtree(shell.vms / "db")
    done = shell.run("vm", "stop", "db", "web", "--force")
    assert (done.returncode, done.stdout) == (1, b"vm.web@lab: stopped\n")
    assert b"AIVP0986" in done.stderr


def test_exec_hands_streams_and_exit_codes_on(shell: Lab) -> None:
    shell.make("web", "db")
    done = subprocess.run(
        [*shell.argv("vm", "exec", "web", "--", "sh", "-c", 'cat; echo "$WITHIN"; echo no >&2; exit 7')],
        cwd=shell.folder,
        env=shell.environ,
        input=b"hi\n\x00\xff",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, b"hi\n\x00\xffweb\n", b"no\n")
    assert shell.run("vm", "exec", "db", "--", "sh", "-c", "echo $WITHIN").stdout == b"db\n"
    by_channel = shell.row("odd", "lab", channel=["env", "WITHIN=channel"])
    shell.know([by_channel])
    assert shell.run("vm", "exec", "odd", "--", "sh", "-c", "echo $WITHIN").stdout == b"channel\n"


def test_console_without_a_terminal(shell: Lab) -> None:
    shell.make("web")
    done = subprocess.run(
        shell.argv("vm", "console", "web"),
        cwd=shell.folder,
        env=shell.environ,
        input=b"root\n",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"web heard root\n")


def test_logs(shell: Lab) -> None:
    shell.make("web")
    assert shell.run("vm", "logs", "web", "--log", "console").stdout == b"Booting red\n90%\nlogin: \\x07\n"
    both = shell.run("vm", "logs", "web").stdout
    assert b"==> console.log <==\n" in both
    assert both.endswith(b"==> supervisor.log <==\nstarted QEMU\n")
    assert shell.run("vm", "logs", "web", "--log", "qemu").stdout == b""
    assert shell.run("vm", "logs", "web", "--log", "console", "-n", "1", "--raw").stdout == b"login: \x07\n"
    assert shell.lines("vm", "logs", "web", "--log", "supervisor") == [
        {"aivp": 1, "type": "vm-said", "address": "vm.web@lab", "text": "started QEMU"}
    ]


def test_logs_go_on(shell: Lab) -> None:
    shell.make("web")
    process = subprocess.Popen(
        shell.argv("vm", "logs", "web", "-f", "--log", "supervisor", "-n", "1"),
        cwd=shell.folder,
        env=shell.environ,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"started QEMU\n"
        with (shell.vms / "web/supervisor.log").open("a") as file:
            file.write("ended\n")
        assert process.stdout.readline() == b"ended\n"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def test_top(shell: Lab) -> None:
    shell.make("web")
    said = shell.run("vm", "top").stdout.decode().splitlines()
    assert said[0].split() == ["VM", "STATE", "CPU", "OF", "RESIDENT", "MEMORY", "UPTIME"]
    name, state, share, *_ = said[1].split()
    assert (name, state) == ("vm.web@lab", "running")
    assert share.endswith("%")
    assert 50 < int(share[:-1]) < 200
    found = shell.lines("vm", "top", "-n", "2", "--every", "0.3")
    assert [item["type"] for item in found] == ["vm-usage"] * 2


def test_snapshots(shell: Lab) -> None:
    shell.make("web")
    assert shell.run("vm", "snapshots", "web").stdout == b"It has no snapshot.\n"
    assert shell.run("vm", "snapshot", "web", "before", "--memory").stdout == b"vm.web@lab: kept as before\n"
    shown = shell.run("vm", "snapshots", "web").stdout.decode().splitlines()[1].split()
    assert shown == ["before", "2026-01-31T14:46:42Z", "4", "KiB", "yes"]
    assert shell.lines("vm", "snapshots", "web")[0]["name"] == "before"
    assert b"AIVP0901" in shell.run("vm", "restore", "web", "before").stderr
    assert b"as after a power cut" in shell.run("vm", "snapshot", "web", "torn").stdout
    done = shell.run("vm", "restore", "web", "before", "-y")
    assert done.stdout.decode().splitlines() == [
        "vm.web@lab: is as it was at before",
        "  what is within is older than state",
    ]
    done = shell.run("vm", "restore", "web", "after", "-y")
    assert b"AIVP0987" in done.stderr
    assert b"there is no snapshot after" in done.stderr
    assert shell.code("vm", "delete-snapshot", "web", "before", "-y") == 0
    assert b"AIVP0985" in shell.run("vm", "snapshot", "web", "../x").stderr


def test_prune_takes_what_nobody_knows_and_asks_first(shell: Lab) -> None:
    shell.make("web")
    shell.make("old", "others", is_ours=False)
    claim(shell, "others")
    shell.environ["COLUMNS"] = "300"
    done = shell.run("vm", "prune", "--dry-run")
    rows = [line.split("  ") for line in done.stdout.decode().splitlines()]
    assert [[cell.strip() for cell in row if cell.strip()][:3] for row in rows] == [
        ["VM", "STATE", "WHOSE"],
        ["old on lab", "running", "nobody's"],
        ["others on lab", "running", "shop/prod"],
    ]
    assert b"AIVP0901" in shell.run("vm", "prune").stderr
    assert (shell.vms / "old").exists()
    assert shell.run("vm", "prune", "-y").stdout.endswith(b"old on lab: removed\n")
    assert sorted(path.name for path in shell.vms.iterdir()) == ["others", "web"]
    assert [item["claims"] for item in shell.lines("vm", "prune", "--dry-run")] == [["shop/prod"]]


def test_nothing_is_left_behind(shell: Lab) -> None:
    assert shell.run("vm", "prune").stdout == b"Nothing is left behind.\n"


def claim(shell: Lab, name: str) -> None:
    """As another project would, on the host."""
    identity = identity_text({"name": name})
    base = Path(shell.environ["AIVP_HOST_STATE"])
    base.mkdir(mode=0o700, exist_ok=True)
    HostStore.open(base / "host.db").connection.execute(
        "INSERT INTO registry (kind, identity, project, environment, lineage, address, provenance, lifecycle,"
        " edges, declaration, tainted)"
        " VALUES ('vm', ?, 'shop', 'prod', 'x', 'vm.others@lab', 'created', '{}', '[]', '', '[]')",
        (identity,),
    )


def test_a_name_that_several_have(shell: Lab) -> None:
    shell.make("web", "db")
    done = shell.run("vm", "console", "nope")
    assert b"AIVP0985" in done.stderr
    assert b"vm.db@lab, vm.web@lab" in done.stderr


def test_a_program_that_answers_otherwise(shell: Lab) -> None:
    shell.make("web")
    for text, code in (
        ("print('hello')", b"AIVP0989"),
        ("print('{\"vms\": 3}')", b"AIVP0989"),
        ("import sys; sys.exit('no')", b"AIVP0601"),
        ("print('[' * 100000)", b"AIVP0989"),
    ):
        (shell.vms / "web/program/ctl.py").write_text(text)
        done = shell.run("vm", "list")
        assert (done.returncode, code in done.stderr) == (1, True), (text, done.stderr)
        assert b"Traceback" not in done.stderr


def test_ssh_takes_only_the_keys_that_the_guest_told(shell: Lab, tmp_path: Path) -> None:
    shell.make("web")
    stand_in = tmp_path / "ssh"
    stand_in.write_text(
        '#!/bin/sh\nfor word; do case $word in UserKnownHostsFile=*) cat "${word#*=}";; *) echo "$word";; esac; done\n'
    )
    stand_in.chmod(0o755)
    shell.environ["AIVP_SSH"] = str(stand_in)
    said = shell.run("vm", "ssh", "web", "-l", "ana", "--", "uname", "-a").stdout.decode().splitlines()
    assert f"aivp-web-1234-567 {KEY}" in said
    assert "StrictHostKeyChecking=yes" in said
    assert said[-6:] == ["-l", "ana", "--", "aivp-web-1234-567", "uname", "-a"]
    shell.know([shell.row("mute", "lab", host_keys=["-oProxyCommand=x"])])
    assert b"AIVP0988" in shell.run("vm", "ssh", "mute").stderr


def test_a_stranger_runs_nothing(shell: Lab) -> None:
    shell.make("web")
    for words in (("list",), ("exec", "web", "true"), ("top",)):
        assert b"AIVP0503" in shell.run("vm", *words[:1], "--untrusted", *words[1:]).stderr
