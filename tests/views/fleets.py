"""Plans as large projects have them: web servers that are the same but for what is their own, with a few odd ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aivp_contract.values import Secret

from aivp.model.resource import Host
from aivp.plan.steps import HostPlan, Plan, Step, StepChange

SITE = "".join(f"    location /{name} {{ proxy_pass http://10.0.0.1:80; }}\n" for name in "abcdefgh")


def fleet(hosts: int, steps: int) -> Plan:
    """`hosts` web servers with `steps` steps each; the last one of 20 or more is unlike the others."""
    names = [f"web{number:03d}" for number in range(1, hosts + 1)]
    found = [step for name in names for step in _lane(name, steps, is_odd=hosts >= 20 and name == names[-1])]
    lanes = {name: [step.id for step in found if step.host == name] for name in names} if hosts <= 200 else {}
    places = {name: HostPlan(Host(name, "ssh", {}), "i", lanes.get(name, ())) for name in names}
    return Plan("shop", "prod", {}, places, found, unchanged=3 * hosts, is_applicable=True)


def _lane(host: str, number: int, *, is_odd: bool) -> list[Step]:
    found: list[Step] = []
    for step in _steps(host, is_odd=is_odd):
        if len(found) == number:
            return found
        found.append(step)
    found += [_file(host, f"conf[{key}]", f"port {8000 + key}\n") for key in range(number - len(found))]
    return found


def _steps(host: str, *, is_odd: bool) -> Iterator[Step]:
    after = SITE.replace("10.0.0.1:80", "10.0.0.1:8080", 2)
    changes = [StepChange("replace", "/content", SITE, after, "intent")]
    if is_odd:
        changes.append(StepChange("replace", "/mode", "0644", "0777", "drift"))
    yield _step("file.site", host, "update", "the declaration changed", changes, notifies=[f"service.nginx@{host}"])
    yield _step("service.nginx", host, "refresh", f"notified by file.site@{host}", [], "disrupt")
    yield _step("package.telnet", host, "delete", "no longer declared", [], "destroy")
    yield _step("file.hostname", host, "update", "it drifted", [_drift("/content", "debian\n", f"{host}\n")])
    yield _step("user.deploy", host, "create", "not there yet", [_secret()])
    yield _step(
        "service.cron", host, "no-op", "as declared; an earlier step may disturb it", [], "none", is_conditional=True
    )


def _file(host: str, name: str, text: str) -> Step:
    return _step(f"file.{name}", host, "create", "not there yet", [StepChange("add", "/content", None, text, "intent")])


def _drift(path: str, before: str, after: str) -> StepChange:
    return StepChange("replace", path, before, after, "drift")


def _secret() -> StepChange:
    return StepChange("add", "/password", None, Secret({"secret": "deploy", "version": "1"}), "intent")


def _step(
    name: str, host: str, action: Any, reason: str, changes: list[StepChange], severity: Any = "change", **more: Any
) -> Step:
    address = f"{name}@{host}"
    kind = name.partition(".")[0]
    return Step(f"{action}:{address}", address, kind, host, action, reason, severity, {}, {}, changes, **more)
