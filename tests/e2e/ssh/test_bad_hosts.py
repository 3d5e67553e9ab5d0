"""Hosts as they are found: chatty, slow, full, read-only, without python3. Each works or says why; others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests import lab
from tests.e2e.ssh.conftest import Site

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("ssh")]

PROJECT = """aivp: v1
project: odd
hosts:
  web1: {transport: ssh, user: root}
  web2: {transport: ssh, user: USER}
resources:
  file.note: {host: [web1, web2], path: "/var/tmp/note-${host.name}", content: x}
  command.run: {host: [web1, web2], argv: [sh, -c, "echo run >> /tmp/run-${host.name}"], depends_on: [file.note]}
"""

FAKE_CLOCK = """\
#!/usr/bin/python3.real -IS
import sys, time
real = time.time
time.time = lambda: real() + {seconds}
time.time_ns = lambda: int(time.time() * 1e9)
exec(sys.argv[sys.argv.index("-c") + 1])
"""


def sh(host: lab.Host, script: str) -> None:
    host.run(["sh", "-ec", script])


@contextmanager
def changed(host: lab.Host, there: str, back: str) -> Iterator[None]:
    """A host with something done to it, and undone."""
    try:
        sh(host, there)
        yield
    finally:
        sh(host, back)


@contextmanager
def python3_is(host: lab.Host, text: str) -> Iterator[None]:
    """A host on which another program stands where python3 was."""
    with changed(host, "mv /usr/bin/python3 /usr/bin/python3.real", "mv -f /usr/bin/python3.real /usr/bin/python3"):
        if text:
            host.write("/usr/bin/python3", text)
            sh(host, "chmod 755 /usr/bin/python3")
        yield


BEFORE_BASHRC = "cd /root; cp -a .bashrc .bashrc.was; (echo '{}'; cat .bashrc.was) > .bashrc"
ODD_SHELL = "#!/usr/bin/python3\\nimport sys, shlex, os\\nw = shlex.split(sys.argv[2])[1:]\\nos.execvp(w[0], w)\\n"

WORKS: dict[str, tuple[str, str, str]] = {
    "a banner on every exec": (
        "root",
        BEFORE_BASHRC.format("echo WELCOME to the lab; printf unended"),
        "mv /root/.bashrc.was /root/.bashrc",
    ),
    "a slow .bashrc": (
        "root",
        BEFORE_BASHRC.format("sleep 2"),
        "mv /root/.bashrc.was /root/.bashrc",
    ),
    "noexec on /tmp": ("root", "mount -t tmpfs -o noexec,mode=1777 none /tmp", "umount /tmp"),
    "a login shell that is no sh": (
        "root",
        f"printf '{ODD_SHELL}' > /usr/local/bin/odd; chmod 755 /usr/local/bin/odd; usermod -s /usr/local/bin/odd root",
        "usermod -s /bin/bash root; rm /usr/local/bin/odd",
    ),
    "a home that cannot be written, as root": ("root", "mount --bind -o ro /root /root", "umount /root"),
}


@pytest.mark.parametrize("case", WORKS)
def test_what_is_odd_and_works(site: Site, case: str) -> None:
    user, there, back = WORKS[case]
    host = site.on("web2")
    site.declare(PROJECT.replace("USER", user))
    with changed(host, there, back):
        site.succeed("apply", "-y")
        assert site.aivp("plan", "--detailed-exitcode").code == 0
        assert host.read("/tmp/run-web2") == "run\n"
        site.succeed("destroy", "-y")
    sh(host, "rm -f /tmp/run-web2")


@pytest.mark.parametrize("seconds", [-600_000_000, 600_000_000])
def test_a_wrong_clock_changes_nothing(site: Site, seconds: int) -> None:
    host = site.on("web2")
    site.declare(PROJECT.replace("USER", "root"))
    with python3_is(host, FAKE_CLOCK.format(seconds=seconds)):
        site.succeed("apply", "-y")
        assert site.aivp("plan", "--detailed-exitcode").code == 0
    assert site.aivp("plan", "--detailed-exitcode").code == 0
    site.succeed("destroy", "-y")
    sh(host, "rm -f /tmp/run-web2")


def _full(host: lab.Host) -> Iterator[None]:
    there = "mkdir -p /var/lib/aivp; mount -t tmpfs -o size=64k none /var/lib/aivp; chmod 700 /var/lib/aivp"
    with changed(host, f"{there}; head -c 100000 /dev/zero > /var/lib/aivp/filler || true", "umount /var/lib/aivp"):
        yield


def _read_only_home(host: lab.Host) -> Iterator[None]:
    with changed(host, "mount --bind -o ro /home/plain /home/plain", "umount /home/plain"):
        yield


def _read_only_state(host: lab.Host) -> Iterator[None]:
    there = "mkdir -p /var/lib/aivp; mount -t tmpfs -o ro none /var/lib/aivp"
    with changed(host, there, "umount /var/lib/aivp"):
        yield


def _python(text: str) -> Callable[[lab.Host], Iterator[None]]:
    def change(host: lab.Host) -> Iterator[None]:
        with python3_is(host, text):
            yield

    return change


REFUSED: dict[str, tuple[str, Callable[[lab.Host], Iterator[None]], str, str]] = {
    "a full disk": ("root", _full, "AIVP0608", "disk"),
    "a read-only home": ("plain", _read_only_home, "AIVP0608", "~/.local/state/aivp"),
    "a read-only /var/lib": ("root", _read_only_state, "AIVP0608", "/var/lib/aivp"),
    "no python3": ("root", _python(""), "AIVP0615", "aivp hosts bootstrap web2"),
    "a python3 that is a stub": (
        "root",
        _python("#!/bin/sh\necho 'Python was not found; install it from the Store'\nexit 9\n"),
        "AIVP0601",
        "Python was not found",
    ),
    "a python3 that is too old": (
        "root",
        _python('#!/bin/sh\ncat > /dev/null &\necho \'{"error": "python", "found": "3.6"}\'\nexit 1\n'),
        "AIVP0602",
        "Python 3.6",
    ),
    "a python3 that says nothing and ends": ("root", _python("#!/bin/sh\nexit 0\n"), "AIVP0601", "exit code 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_says_why_and_others_go_on(site: Site, case: str) -> None:
    user, change, code, words = REFUSED[case]
    host = site.on("web2")
    site.declare(PROJECT.replace("USER", user))
    with contextmanager(change)(host):
        result = site.aivp("apply", "-y")
        assert (result.code in (1, 5), code in result.text) == (True, True), result.text
        assert words in " ".join(result.text.split()), result.text
    assert site.on("web1").read("/var/tmp/note-web1") == "x"
    assert host.run(["test", "-e", "/var/tmp/note-web2"], check=False).returncode == 1
    site.succeed("destroy", "-y")
