"""Recorded answers of dpkg and apt (Debian 11 to 13), and what they mean."""

from __future__ import annotations

import pytest
from aivp_host.packages import apt_output
from aivp_host.packages.managers import Available, Forecast, Installed
from aivp_sdk import Completed

POLICY = """\
bash:
  Installed: 5.2.15-2+b8
  Candidate: 5.2.15-2+b13
  Version table:
     5.2.15-2+b13 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
 *** 5.2.15-2+b8 100
        100 /var/lib/dpkg/status
libc6:i386:
  Installed: (none)
  Candidate: 2.36-9
  Version table:
     2.36-9 1001 (phased 10%)
       1001 http://deb.debian.org/debian bookworm/main i386 Packages
mail-transport-agent:
  Installed: (none)
  Candidate: (none)
  Version table:
"""

SIMULATION = """\
Reading package lists...
The following packages will be REMOVED:
  hello tree*
The following held packages will be changed:
  aivp-probe
The following packages will be DOWNGRADED:
  aivp-probe
  cowsay
0 upgraded, 0 newly installed, 1 downgraded, 2 to remove and 0 not upgraded.
Remv hello [2.10-3]
Purg tree [2.1.0-1]
Inst aivp-probe [2.0] (1.0 localhost [all])
Conf aivp-probe (1.0 localhost [all])
"""


@pytest.mark.parametrize(
    ("line", "installed"),
    [
        ("install\tok\tinstalled", Installed("installed", "1.0")),
        ("hold\tok\tinstalled", Installed("installed", "1.0", is_held=True)),
        ("install\tok\ttriggers-pending", Installed("installed", "1.0")),
        ("deinstall\tok\tconfig-files", Installed("removed", "1.0")),
        ("hold\tok\tnot-installed", Installed("absent", "1.0", is_held=True)),
        ("install\tok\tunpacked", Installed("broken", "1.0")),
        ("install\tok\thalf-configured", Installed("broken", "1.0")),
        ("install\tok\thalf-installed", Installed("broken", "1.0", needs_reinstall=True)),
        ("install\treinstreq\tinstalled", Installed("broken", "1.0", needs_reinstall=True)),
    ],
)
def test_rows(line: str, installed: Installed) -> None:
    assert apt_output.rows(f"demo\tamd64\t1.0\t{line}\n") == [apt_output.Row("demo", "amd64", installed)]


def test_policies() -> None:
    assert apt_output.policies(POLICY) == {
        "bash": Available("5.2.15-2+b13", ("5.2.15-2+b13",)),
        "libc6:i386": Available("2.36-9", ("2.36-9",)),
        "mail-transport-agent": Available(None, ()),
    }


def test_forecast() -> None:
    assert apt_output.forecast(SIMULATION) == Forecast(("hello", "tree"), ("aivp-probe", "cowsay"), ("aivp-probe",))
    assert apt_output.forecast("Inst hello (2.10-3 localhost [amd64])\n") == Forecast()


@pytest.mark.parametrize(
    ("stderr", "error_class"),
    [
        ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)", "temporary"),
        ("dpkg: error: dpkg frontend lock was locked by another process with pid 7", "temporary"),
        ("E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)", "permanent"),
        ("E: Failed to fetch http://x/y  Temporary failure resolving 'x'", "temporary"),
        ("E: Failed to fetch http://x/y.deb  404  Not Found [IP: 1.2.3.4 80]", "permanent"),
        ("E: Failed to fetch http://x/y.deb  503  Service Unavailable", "temporary"),
        ("E: Sub-process /usr/bin/dpkg returned an error code (1)", "permanent"),
    ],
)
def test_failure_is_temporary_where_another_try_may_help(stderr: str, error_class: str) -> None:
    assert apt_output.failure("apt-get", Completed(100, "", stderr)).error_class == error_class


def test_failure_has_the_words_that_matter_and_a_bound() -> None:
    stderr = "W: noise\ndebconf: delaying package configuration\n" + "a word\n" * 1000 + "E: the reason\n"
    stdout = "The following packages have unmet dependencies:\n a : Conflicts: b\n"
    message = apt_output.failure("apt-get", Completed(100, stdout, stderr)).message
    assert message.endswith("a word\nE: the reason")
    assert "noise" not in message
    assert len(message) < 2100
    short = apt_output.failure("apt-get", Completed(100, stdout, "E: the reason\n")).message
    assert short == f"apt-get failed (exit 100): {stdout}E: the reason"
