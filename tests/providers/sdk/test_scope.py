"""The shim leaves the control group of whoever called it: on a real systemd host, where that group is then killed."""

import time
from collections.abc import Iterator

import pytest
from aivp_contract.lines import write_message
from aivp_host.command import CommandKind
from aivp_sdk import Provider

from tests import lab
from tests.providers.driver import RemoteDriver

pytestmark = pytest.mark.lab

PROVIDER = Provider("host", "0.1.0", [CommandKind()])


@pytest.fixture
def host() -> Iterator[lab.Host]:
    reason = lab.available()
    if reason is not None:
        pytest.skip(reason)
    with lab.host() as started:
        yield started


def test_command_outlives_the_service_that_asked_for_it(host: lab.Host) -> None:
    unit = ["systemd-run", "--quiet", "--pipe", "--wait", "--unit=session"]
    driver = RemoteDriver(PROVIDER, [*host.argv, *unit])
    config = {"name": "slow", "shell": "touch /root/started; sleep 2; cat /proc/self/cgroup; touch /root/done"}
    seen = driver.observe("command", config)
    change = {"id": "slow", "kind": "command", "config": config, "action": "create", "seen": seen.form()}
    write_message(driver.requests, {"method": "apply", "items": [change], "key": "run/step/1"})
    _until(host, "started")
    host.run(["systemctl", "kill", "--signal=KILL", "session"])
    driver.close()
    assert host.run(["systemctl", "is-active", "session"], check=False).stdout.strip() != "active"
    assert "done" not in host.run(["ls", "/root"]).stdout
    _until(host, "done")
    scopes = ["systemctl", "list-units", "--no-legend", "--plain", "aivp-shim-*"]
    deadline = time.monotonic() + 5
    while host.run(scopes).stdout:
        assert time.monotonic() < deadline, "the scope stays behind"
        time.sleep(0.05)


def test_first_effect_costs_a_moment(host: lab.Host) -> None:
    """The move into the scope is paid once, and only by who has an effect."""
    with RemoteDriver(PROVIDER, host.argv) as driver:
        taken = []
        for index in range(3):
            seen = driver.observe("command", {"name": "x", "argv": ["true"]})
            before = time.monotonic()
            decision = driver.decide("command", {"name": "x", "argv": ["true"]}, seen)
            driver.apply("command", {"name": "x", "argv": ["true"]}, seen, decision, key=f"run/step/{index}")
            taken.append(time.monotonic() - before)
    assert taken[0] < 3, taken


def _until(host: lab.Host, name: str) -> None:
    deadline = time.monotonic() + 20
    while host.run(["test", "-e", f"/root/{name}"], check=False).returncode != 0:
        assert time.monotonic() < deadline, f"{name} never came"
        time.sleep(0.05)
