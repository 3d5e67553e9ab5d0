"""aivp's own kinds against the conformance kit: files and commands here, all others in throwaway hosts.

The kinds are served by the SDK as any provider's are, so this holds the SDK to the protocol, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aivp_host.provider import PROVIDER
from aivp_sdk import Provider, manifest

from tests import lab
from tests.providers.driver import REPOSITORY, shipment

CASES = REPOSITORY / "providers" / "host" / "conformance.json"
OF_FOLDERS = ["command", "file", "noop"]
OF_HOSTS = ["group", "package", "service", "user", "package_index"]
SLOW = {"package_index": pytest.mark.slow}
IS_FULL = os.environ.get("AIVP_TEST_ALL") == "1"
SOME = ["read-only", "deterministic", "create", "update", "computed", "again", "once", "delete", "partial", "tainted"]
"""Checks of one kind that are had in every run; all of them are in the full matrix."""

_SERVE = """
import sys
sys.path.insert(0, {place!r})
from aivp_host.provider import PROVIDER
from aivp_sdk import Provider
from aivp_sdk.serve import serve
serve(Provider(PROVIDER.name, PROVIDER.version, [PROVIDER.kinds[{kind!r}]]))
"""


_SCRIPT = """
rm -f /run/kit.pid /etc/rc?.d/???kit
cat > /etc/init.d/kit <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides: kit
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Required-Start:
# Required-Stop:
# Short-Description: kit
### END INIT INFO
case "$1" in
    start) start-stop-daemon --start --oknodo -b --make-pidfile --pidfile /run/kit.pid --startas /bin/sleep 999 ;;
    stop) start-stop-daemon --stop --oknodo --retry 5 --remove-pidfile --pidfile /run/kit.pid ;;
    status) start-stop-daemon --status --pidfile /run/kit.pid ;;
    restart) "$0" stop; "$0" start ;;
    *) exit 2 ;;
esac
END
chmod 755 /etc/init.d/kit
"""
OTHERS: dict[str, dict[str, Any]] = {
    "service": {
        "setup": ["sh", "-c", f"test ! -e /etc/init.d/kit || service kit stop >/dev/null\n{_SCRIPT}"],
        "probe": ["sh", "-c", "service kit status >/dev/null; echo $?; ls /etc/rc?.d/???kit"],
        "create": [{"name": "kit", "running": True}],
        "update": [{"enabled": True}, {"running": False}],
        "skip": {"many": "each script is asked itself: ten thousand of them take longer than the kit waits"},
    },
    "package_index": {
        "setup": ["sh", "-c", "rm -rf /var/cache/dnf/*"],
        "probe": ["sh", "-c", "ls -d /var/cache/dnf/*/repodata"],
        "create": [{"manager": "dnf", "max_age": 86400}],
        "skip": {"many": "a host has one index: ten thousand looks at it take longer than the kit waits"},
    },
    "package": {
        "setup": ["sh", "-c", "rpm -qa --qf '%{NAME} ' | xargs -r rpm -e; : > /etc/dnf/plugins/versionlock.list"],
        "probe": ["sh", "-c", "rpm -qa | sort; sed '/^#/d' /etc/dnf/plugins/versionlock.list"],
        "create": [{"name": "aivp-probe", "version": "1.0-1"}],
        "update": [{"version": "2.0-1"}, {"hold": True}],
    },
}
"""Cases of kinds that work otherwise where systemd does not run, and where rpm keeps the packages."""


def judge(
    folder: Path,
    kind: str,
    program: Sequence[str],
    prefix: Sequence[str] = (),
    *options: str,
    other: dict[str, Any] | None = None,
) -> None:
    """Run the kit on one kind; `prefix`: what gets the commands of the case to where the provider works."""
    folder.mkdir(exist_ok=True)
    served = Provider(PROVIDER.name, PROVIDER.version, [PROVIDER.kinds[kind]])
    (folder / "manifest.json").write_text(manifest.text(served), encoding="utf-8")
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    case = other or cases["kinds"].get(kind, {})
    for name in ("setup", "probe", "teardown"):
        if name in case:
            case[name] = [*prefix, *case[name]]
    (folder / "conformance.json").write_text(json.dumps({**cases, "kinds": {kind: case}}), encoding="utf-8")
    argv = [sys.executable, "-m", "aivp_conformance", str(folder), *options, "--", *program]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_kind_is_left_out() -> None:
    assert sorted([*OF_FOLDERS, *OF_HOSTS]) == sorted(PROVIDER.kinds)


@pytest.mark.parametrize("kind", OF_FOLDERS)
def test_kinds_of_folders(tmp_path: Path, kind: str) -> None:
    program = [sys.executable, "-c", _SERVE.format(place="/nonexistent", kind=kind)]
    options = [] if IS_FULL else ["--examples", "8", "--moments", "3"]
    judge(tmp_path / "kit", kind, program, (), *options)


@pytest.mark.lab
@pytest.mark.parametrize("kind", [pytest.param(name, marks=SLOW.get(name, ())) for name in OF_HOSTS])
def test_kinds_of_hosts(tmp_path: Path, kind: str) -> None:
    reason = lab.available()
    if reason is not None:
        pytest.skip(reason)
    options = [] if IS_FULL else [word for name in SOME for word in ("--only", name)]
    with lab.host() as host:
        (host.root / "opt" / "kit.zip").write_bytes(shipment())
        host.run(["apt-get", "update"])
        program = [*host.argv, "python3", "-I", "-c", _SERVE.format(place="/opt/kit.zip", kind=kind)]
        judge(tmp_path / "kit", kind, program, host.argv, *options)


def test_every_kind_is_found_under_its_own_name() -> None:
    assert {name: kind.name for name, kind in PROVIDER.kinds.items()} == {name: name for name in PROVIDER.kinds}
    assert dict(PROVIDER.described) == Provider("host", PROVIDER.version, list(PROVIDER.kinds.values())).described
    with pytest.raises(KeyError):
        PROVIDER.kinds["nothing"]


@pytest.mark.lab
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["package", "package_index", "service"])
def test_kinds_of_hosts_without_systemd(tmp_path: Path, kind: str) -> None:
    reason = lab.plain_available()
    if reason is not None:
        pytest.skip(reason)
    options = [] if IS_FULL else [word for name in SOME for word in ("--only", name)]
    with lab.plain_host() as host:
        (host.root / "opt" / "kit.zip").write_bytes(shipment())
        if kind != "service":
            host.become_rpm()
            host.run(["dnf", "-q", "makecache"])
        program = [*host.argv, "python3", "-I", "-c", _SERVE.format(place="/opt/kit.zip", kind=kind)]
        judge(tmp_path / "kit", kind, program, host.argv, *options, other=OTHERS.get(kind, {}))
