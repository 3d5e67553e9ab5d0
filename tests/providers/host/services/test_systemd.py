"""Recorded answers of systemctl, and what they mean."""

from __future__ import annotations

import pytest
from aivp_host.services.systemd import Unit, parse, unit_name

SHOWN = """\
Type=notify
RemainAfterExit=no
Result=success
NRestarts=2
Id=dbus.service
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/lib/systemd/system/dbus.service
SourcePath=
DropInPaths=/etc/systemd/system/dbus.service.d/a.conf /etc/systemd/system/dbus.service.d/b.conf
UnitFileState=static
InactiveExitTimestampMonotonic=2016969171
CanReload=yes
NeedDaemonReload=no

Id=nonesuch.timer
LoadState=not-found
ActiveState=inactive
SubState=dead
FragmentPath=
DropInPaths=
UnitFileState=
InactiveExitTimestampMonotonic=0
CanReload=no
NeedDaemonReload=no
"""


def test_parse() -> None:
    dbus, absent = parse(["dbus.service", "nonesuch.timer"], SHOWN)
    assert dbus == Unit(
        name="dbus.service",
        id="dbus.service",
        load_state="loaded",
        active_state="active",
        sub_state="running",
        file_state="static",
        type="notify",
        result="success",
        can_reload=True,
        restarts=2,
        files=(
            "/lib/systemd/system/dbus.service",
            "/etc/systemd/system/dbus.service.d/a.conf",
            "/etc/systemd/system/dbus.service.d/b.conf",
        ),
        started=2016.969171,
    )
    assert (absent.is_found, absent.is_active, absent.is_inactive, absent.started) == (False, False, True, None)


def test_parse_of_nothing() -> None:
    assert parse(["dbus.service"], "") == []


@pytest.mark.parametrize(
    ("declared", "full"),
    [
        ("nginx", "nginx.service"),
        ("nginx.service", "nginx.service"),
        ("fstrim.timer", "fstrim.timer"),
        ("php8.2-fpm", "php8.2-fpm.service"),
        ("getty@tty1", "getty@tty1.service"),
        ("timer", "timer.service"),
    ],
)
def test_unit_name(declared: str, full: str) -> None:
    assert unit_name(declared) == full
