"""One example, on three releases and by two ways at once: plans that are identical but for the host."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import lab
from tests.e2e.examples.project import EXAMPLES

pytestmark = [pytest.mark.lab, pytest.mark.slow]

_AIVP = str(Path(sys.executable).with_name("aivp"))


def test_an_example_is_planned_alike_on_every_release_by_either_way(tmp_path: Path) -> None:
    for suite in lab.SUITES:
        reason = lab.network_available(suite)
        if reason is not None:
            pytest.skip(reason)
    with lab.network() as network:
        hosts = network.hosts({f"{suite}-{way}": suite for suite in lab.SUITES for way in ("exec", "ssh")})
        _declare(tmp_path, {host.name: _connection(host) for host in hosts})

        def aivp(command: str) -> list[dict[str, Any]]:
            environ = {
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "AIVP_SSH": shlex.join(["ssh", "-F", str(network.client.config)]),
            }
            argv = [*network.argv, _AIVP, *command.split(), "--json"]
            done = subprocess.run(argv, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            return [json.loads(line) for line in done.stdout.splitlines()]

        planned = _by_host(aivp("plan -o plan.json"))
        assert len(planned) == len(hosts)
        first, *others = planned.values()
        assert len(first) == 6
        assert all(other == first for other in others)
        aivp("apply plan.json")
        assert _by_host(aivp("plan")) == {}
        aivp("destroy -y")


def _connection(host: lab.SshHost) -> dict[str, Any]:
    if host.name.endswith("-ssh"):
        return {"transport": "ssh", "address": host.address, "user": "deploy", "become": "sudo"}
    return {"transport": "exec", "command": host.host.argv}


def _declare(folder: Path, hosts: dict[str, dict[str, Any]]) -> None:
    """The example, on all of these hosts."""
    text = (EXAMPLES / "03-users-and-keys/aivp.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^  channel: .*\n", "", text)
    text = re.sub(
        r"(?m)^  box: .*\n", "".join(f"  {name}: {json.dumps(found)}\n" for name, found in hosts.items()), text
    )
    text = re.sub(r"(?m)^(  [a-z]+\.[a-z]+: \{)(.*\})$", r"\1host: all, \2", text).replace(", }", "}")
    text = re.sub(r"(?m)^(  [a-z]+\.[a-z]+:)$", r"\1\n    host: all", text)
    groups = json.dumps({"all": {"hosts": sorted(hosts)}})
    (folder / "aivp.yaml").write_text(f"{text}groups: {groups}\n", encoding="utf-8")


def _by_host(lines: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What is planned for each host, in order, with its name taken out."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line["type"] == "step":
            found.setdefault(line["host"], []).append(json.dumps(line).replace(line["host"], "HOST"))
    return found
