from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest
from aivp_runner import surroundings
from aivp_runner.facts import gather

from aivp.model.facts import ELSEWHERE, FACTS

TYPES = {"string": str, "integer": int, "boolean": bool}
PAGE = Path(__file__).parents[2] / "docs/reference/facts.md"


def flat(facts: dict[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in facts.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def test_the_runner_gathers_exactly_the_known_facts() -> None:
    gathered = flat(gather())
    assert gathered.keys() == FACTS.keys()
    for name, value in gathered.items():
        assert type(value) is TYPES[FACTS[name].type], name


def test_they_are_the_same_ones_each_time_cheap_and_ask_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("facts start no process and ask no name server")

    for module, name in ((subprocess, "Popen"), (os, "fork"), (socket, "getaddrinfo"), (socket, "gethostbyaddr")):
        monkeypatch.setattr(module, name, refuse)
    first = gather()
    taken = []
    for _ in range(5):
        since = time.perf_counter()
        assert gather() == first
        taken.append(time.perf_counter() - since)
    assert min(taken) < 0.005


def test_names_from_elsewhere_lead_to_facts() -> None:
    assert set(ELSEWHERE.values()) <= FACTS.keys()
    assert not ELSEWHERE.keys() & FACTS.keys()


def test_the_page_lists_exactly_them() -> None:
    text = PAGE.read_text("utf-8")
    rows = "".join(f"| `{name}` | {fact.type} | {fact.description} |\n" for name, fact in sorted(FACTS.items()))
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        head, rest = text.split("|---|---|---|\n")
        rest = re.sub(r"(?m)^[|] `.*[|]$", "", rest).lstrip()
        PAGE.write_text(f"{head}|---|---|---|\n{rows}\n{rest}", "utf-8")
    assert f"|---|---|---|\n{rows}\n- All" in PAGE.read_text("utf-8")


@pytest.mark.parametrize(
    ("files", "container", "virtualization", "timezone", "name"),
    [
        ({}, "", "", "UTC", "web1"),
        ({"/run/systemd/container": "systemd-nspawn\n"}, "systemd-nspawn", "", "UTC", "web1"),
        ({"/proc/1/environ": "PATH=/bin\0container=lxc\0"}, "lxc", "", "UTC", "web1"),
        ({"/sys/class/dmi/id/sys_vendor": "QEMU\n"}, "", "qemu", "UTC", "web1"),
        ({"/sys/class/dmi/id/sys_vendor": "Dell Inc.\n"}, "", "", "UTC", "web1"),
        ({"/proc/cpuinfo": "flags\t: fpu hypervisor\n\nflags"}, "", "unknown", "UTC", "web1"),
        ({"/etc/timezone": "Europe/Berlin\n"}, "", "", "Europe/Berlin", "web1"),
        ({"/etc/hosts": "127.0.1.1 web1.example.com web1 # me\n"}, "", "", "UTC", "web1.example.com"),
    ],
)
def test_surroundings(
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    container: str,
    virtualization: str,
    timezone: str,
    name: str,
) -> None:
    monkeypatch.setattr(surroundings, "text", lambda path: files.get(path, ""))
    monkeypatch.setattr(os.path, "exists", lambda path: path in files)
    monkeypatch.setattr(os, "readlink", lambda path: files.get(path, ""))
    assert surroundings.container() == container
    assert surroundings.virtualization() == virtualization
    assert surroundings.timezone() == timezone
    assert surroundings.full_name("web1") == name
    assert surroundings.network() == {"interface": "", "ipv4": ""}
