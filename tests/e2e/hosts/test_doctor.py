"""doctor on hosts that really lack things: what it says is run there as it says it, and then nothing is missing."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import lab
from tests.e2e.examples.project import Project

pytestmark = pytest.mark.lab

NEEDS = [
    {"command": "tree", "package": "tree", "why": "to draw"},
    {"module": "aivp_nonesuch", "why": "to be odd"},
    {"device": "/dev/aivp-door", "why": "to pass"},
]
SCHEMA = {"type": "object", "additionalProperties": False, "properties": {"name": {"type": "string"}}}
MANIFEST = {
    "manifest": 1,
    "name": "acme",
    "version": "1.0",
    "start": {"linux-vax": ["{folder}/acme"]},
    "kinds": {"acme/thing": {"identity": ["name"], "identity_from_name": True, "schema": SCHEMA, "needs": NEEDS}},
}


def make(folder: Path, channels: dict[str, Sequence[str]], resources: str) -> Project:
    (folder / "providers/acme").mkdir(parents=True)
    (folder / "providers/acme/manifest.json").write_text(json.dumps(MANIFEST))
    hosts = "\n".join(
        f"  {name}: {{transport: exec, command: {json.dumps(list(argv))}}}" for name, argv in channels.items()
    )
    (folder / "aivp.yaml").write_text(f"aivp: v1\nproject: shop\nhosts:\n{hosts}\nresources:\n{resources}")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return Project(folder, {"PATH": path, "HOME": str(folder), "AIVP_PROVIDERS": str(folder / "providers")})


def examined(project: Project, code: int) -> dict[str, Any]:
    said = project.aivp("doctor --json", code=code)
    return {item["host"]: item for item in map(json.loads, said.splitlines())}


def lacking(item: dict[str, Any]) -> dict[str, str]:
    return {found["need"]: found["remark"]["code"] for found in item["findings"] if found["state"] != "ok"}


def test_what_it_says_mends_what_is_missing(tmp_path: Path) -> None:
    reason = lab.available()
    if reason is not None:
        pytest.skip(reason)
    with lab.host() as host:
        host.run(["apt-get", "update"])
        host.run(["useradd", "-m", "ana"])
        host.run(["groupadd", "doors"])
        host.run(["mv", "/usr/sbin/useradd", "/usr/sbin/useradd.away"])
        host.run(["sh", "-c", "mknod /dev/aivp-door c 1 3 && chgrp doors /dev/aivp-door && chmod 660 /dev/aivp-door"])
        as_ana = [*host.argv, "runuser", "-u", "ana", "--"]
        things = "  acme/thing.a: {host: [root, ana]}\n  user.x: {host: [root, ana]}\n"
        project = make(tmp_path, {"root": host.argv, "ana": as_ana, "dead": ["false"]}, things)
        before = lab.snapshot(host)
        found = examined(project, 1)
        same = {"command tree": "AIVP0695", "command useradd": "AIVP0695", "provider acme": "AIVP0614"}
        module = {"module aivp_nonesuch": lacking(found["root"])["module aivp_nonesuch"]}
        assert lacking(found["root"]) == {**same, **module}
        assert lacking(found["ana"]) == {
            **same,
            **module,
            "device /dev/aivp-door": "AIVP0697",
            "privilege root": "AIVP0697",
        }
        assert lacking(found["dead"]) == {"aivp can work there": "AIVP0601"}
        assert found["root"]["commands"] == ["apt-get install -y passwd tree"]
        sudo = "sudo " if host.run(["which", "sudo"], check=False).returncode == 0 else "su -c "
        assert [item.startswith(sudo) for item in found["ana"]["commands"]] == [True, True]
        changed = lab.difference(before, lab.snapshot(host))
        assert not [line for line in changed if "/var/lib" not in line and " /home/ana" not in line], (
            changed
        )  # our cache

        said = project.aivp("doctor root ana --kind vm --kind image --json", code=1)
        found = {item["host"]: item for item in map(json.loads, said.splitlines())}
        wanted = "apt-get install -y mmdebstrap passwd qemu-system-x86 qemu-utils tree"
        assert set(wanted.split()) <= set(found["root"]["commands"][0].split())
        assert {"fakeroot", "uidmap"} <= set(found["ana"]["commands"][0].split())
        assert "command fakeroot" not in lacking(found["root"])

        found = examined(project, 1)
        host.run(["mv", "/usr/sbin/useradd.away", "/usr/sbin/useradd"])  # apt holds that passwd is installed
        for command in (*found["root"]["commands"], "usermod -aG doors ana"):
            host.run(shlex.split(command))
        found = examined(project, 1)
        assert lacking(found["root"]) == {**module, "provider acme": "AIVP0614"}
        assert lacking(found["ana"]) == {**module, "provider acme": "AIVP0614", "privilege root": "AIVP0697"}
