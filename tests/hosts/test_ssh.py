"""What `ssh` is started with, and what its failures are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aivp.diagnostics import Refused
from aivp.hosts.channel import Channel, channel
from aivp.hosts.failures import Failure, explained
from aivp.hosts.ssh import CONNECT_SECONDS, known_as, ssh
from aivp.model.resource import Host

HOST = Host("web1", "ssh", {"address": "10.0.0.1", "user": "deploy", "port": 2222})


def test_the_argv_asks_nobody_and_takes_no_word_for_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIVP_SSH", raising=False)
    argv = ssh(HOST, ["python3", "-c", "print('a b')"])
    assert argv[0] == "ssh"
    assert argv[-5:] == ["-p", "2222", "--", "10.0.0.1", """exec python3 -c 'print('"'"'a b'"'"')'"""]
    options = {word for word in argv if "=" in word}
    assert {"BatchMode=yes", f"ConnectTimeout={CONNECT_SECONDS}", "RequestTTY=no", "ForwardAgent=no"} <= options


def test_another_ssh_command_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVP_SSH", "ssh -F 'my config'")
    assert ssh(HOST, ["true"])[:3] == ["ssh", "-F", "my config"]


def test_an_ssh_command_that_is_none_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVP_SSH", "ssh -F 'half")
    with pytest.raises(Refused, match="AIVP_SSH is no command: No closing quotation"):
        ssh(HOST, ["true"])


def test_a_key_file_is_the_only_one_that_is_offered() -> None:
    host = Host("web1", "ssh", {"address": "a", "identity_file": "~/.ssh/my key", "jump": "b,c@d:22"})
    argv = ssh(host, ["true"])
    assert "IdentitiesOnly=yes" in argv
    assert argv[argv.index("-i") :][:4] == ["-i", "~/.ssh/my key", "-J", "b,c@d:22"]


def test_no_secret_is_in_an_argv_or_a_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    from aivp_contract.values import Secret

    host = Host("h", "local", {"become": {"method": "sudo", "user": "root", "password": Secret({"name": "pw"})}})
    found = channel(host, frozenset(), lambda _: Secret({"name": "pw"}, "hunter2"))
    assert found.password == "hunter2"
    assert "hunter2" not in repr(found)
    assert not any("hunter2" in word for word in found.argv)
    assert list(found.argv[:3]) == ["sudo", "-S", "-p"]


@pytest.mark.parametrize(
    ("said", "code", "mend"),
    [
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            "AIVP0617",
            "ssh-keygen",
        ),
        ("Host key verification failed.", "AIVP0616", "ssh -l deploy -p 2222 10.0.0.1"),
        ("deploy@10.0.0.1: Permission denied (publickey).", "AIVP0618", "ssh-add"),
        ("Received disconnect: Too many authentication failures", "AIVP0618", "ssh-add"),
        ("ssh: Could not resolve hostname x", "AIVP0601", "This must work: ssh -l deploy -p 2222 10.0.0.1"),
    ],
)
def test_what_ssh_says_has_a_code_and_a_way_out(said: str, code: str, mend: str) -> None:
    (found,) = explained(HOST, Channel([], {}, "`ssh`"), Failure("no runner came up", 255, said)).diagnostics
    assert (found.code, mend in found.mend) == (code, True), found


@pytest.mark.parametrize(
    ("exit_code", "said", "code"),
    [
        (127, "sh: 1: exec: python3: not found", "AIVP0615"),
        (1, "sudo: python3: command not found", "AIVP0615"),
        (1, "sudo: a password is required", "AIVP0619"),
        (1, "deploy is not in the sudoers file.", "AIVP0619"),
        (9, "Python was not found; run without arguments to install from the Store", "AIVP0601"),
        (255, "Host key verification failed.", "AIVP0601"),
    ],
)
def test_what_a_host_says_is_told_apart_from_what_ssh_says(exit_code: int, said: str, code: str) -> None:
    host = Host("h", "exec", {"command": ["docker", "exec", "-i", "c"]})
    (found,) = explained(host, Channel([], {}, "`docker`", "root"), Failure("x", exit_code, said)).diagnostics
    assert found.code == code


def test_the_name_of_a_key_follows_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, known = tmp_path / "config", tmp_path / "known"
    known.touch()
    config.write_text(f"Host web\n  HostName 10.9.8.7\n  Port 2022\n  UserKnownHostsFile {known}\n")
    monkeypatch.setenv("AIVP_SSH", f"ssh -F {config}")
    assert known_as(Host("w", "ssh", {"address": "web"})) == ([str(known)], "[10.9.8.7]:2022")


def test_without_an_ssh_the_name_is_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVP_SSH", "/nonexistent/ssh")
    connection: dict[str, Any] = {"address": "web"}
    assert known_as(Host("w", "ssh", connection)) == (["~/.ssh/known_hosts"], "web")
