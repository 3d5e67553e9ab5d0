"""`service` on real systemd hosts: each state of a unit × each declaration."""

from __future__ import annotations

import time

import pytest
from aivp_contract.diff import Decision
from aivp_contract.values import Json

from tests import lab
from tests.providers.driver import Failed
from tests.providers.host.world import World

pytestmark = pytest.mark.lab

SLEEPER = """\
[Service]
ExecStart=/bin/sleep infinity
{service}
[Install]
WantedBy=multi-user.target
{install}
"""


def unit(world: World, name: str = "demo.service", text: str = SLEEPER, service: str = "", install: str = "") -> None:
    """Write a unit file, and tell systemd."""
    world.host.write(f"/etc/systemd/system/{name}", text.format(service=service, install=install))
    world.sh("systemctl daemon-reload")


def state(world: World, name: str = "demo") -> tuple[str, str]:
    """What systemd itself says: (enabled, active)."""
    words = [
        world.sh(f"systemctl {verb} {name} 2>/dev/null", check=False).strip() for verb in ("is-enabled", "is-active")
    ]
    return words[0], words[1]


def invocation(world: World, name: str = "demo") -> str:
    return world.sh(f"systemctl show --property=InvocationID --value {name}").strip()


def refresh(world: World, **config: Json) -> dict[str, Json]:
    """What the engine does when a notification fires."""
    seen = world.driver.observe("service", config)
    return world.driver.apply("service", config, seen, Decision("refresh"))


# --- running, enabled, masked ------------------------------------------------------------------------------------


def test_a_unit_is_started_and_enabled(world: World) -> None:
    unit(world)
    assert state(world) == ("disabled", "inactive")
    done = world.converge("service", name="demo", running=True, enabled=True)
    assert [(c.path, c.before, c.after) for c in done.decision.changes] == [
        ("/enabled", False, True),
        ("/running", False, True),
    ]
    assert done.outcome is not None
    assert done.outcome["absorbs_refresh"] is True
    assert state(world) == ("enabled", "active")


def test_a_unit_as_declared_is_left_alone(world: World) -> None:
    unit(world)
    world.sh("systemctl enable --now demo")
    before = lab.snapshot(world.host)
    assert world.converge("service", name="demo", running=True, enabled=True, masked=False).decision.action == "no-op"
    assert world.difference(before) == ()


def test_only_what_is_declared_is_managed(world: World) -> None:
    unit(world)
    done = world.converge("service", name="demo", enabled=True)
    assert done.outcome is not None
    assert "absorbs_refresh" not in done.outcome
    assert state(world) == ("enabled", "inactive")


def test_a_unit_is_stopped_and_disabled(world: World) -> None:
    unit(world)
    world.sh("systemctl enable --now demo")
    assert world.changes("service", name="demo", running=False, enabled=False) == {"/running": False, "/enabled": False}
    assert state(world) == ("disabled", "inactive")


def test_masked_and_back(world: World) -> None:
    world.sh("systemctl unmask ssh")
    assert world.changes("service", name="ssh", running=False, enabled=False, masked=True) == {"/masked": True}
    assert state(world, "ssh") == ("masked", "inactive")
    assert world.refused("service", name="ssh", running=True)["path"] == "/masked"
    changes = world.changes("service", name="ssh", masked=False, enabled=True)
    assert changes == {"/masked": False, "/enabled": True}
    assert state(world, "ssh") == ("enabled", "inactive")


def test_unmasking_shows_what_the_mask_hid(world: World) -> None:
    world.sh("systemctl enable ssh && systemctl mask ssh")
    world.converge("service", name="ssh", masked=False, enabled=False)
    assert state(world, "ssh") == ("disabled", "inactive")


def test_a_mask_until_the_next_boot_is_lifted_too(world: World) -> None:
    world.sh("systemctl mask --runtime ssh")
    assert world.changes("service", name="ssh", masked=False) == {"/masked": False}


def test_masked_and_running_contradict_each_other(world: World) -> None:
    assert world.refused("service", name="ssh", masked=True, running=True)["path"] == "/masked"


def test_enabled_until_the_next_boot_is_neither(world: World) -> None:
    unit(world)
    world.sh("systemctl enable --runtime demo")
    assert world.changes("service", name="demo", enabled=True) == {"/enabled": True}
    world.sh("systemctl disable demo; systemctl disable --runtime demo; systemctl enable --runtime demo")
    assert world.changes("service", name="demo", enabled=False) == {"/enabled": False}


def test_timers_and_sockets_run_while_they_are_active(world: World) -> None:
    unit(world, "demo.timer", "[Timer]\nOnCalendar=yearly\n[Install]\nWantedBy=timers.target\n")
    unit(world, "demo.socket", "[Socket]\nListenStream=/run/demo\n[Install]\nWantedBy=sockets.target\n")
    unit(world, text="[Service]\nExecStart=/bin/true\n")
    for name in ("demo.timer", "demo.socket"):
        assert world.changes("service", name=name, running=True, enabled=True) == {"/running": True, "/enabled": True}


def test_an_instance_of_a_template(world: World) -> None:
    unit(world, "demo@.service")
    world.converge("service", name="demo@one", running=True, enabled=True)
    assert state(world, "demo@one") == ("enabled", "active")


def test_a_oneshot_that_remains_is_running(world: World) -> None:
    unit(world, text="[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n")
    assert world.changes("service", name="demo", running=True) == {"/running": True}


# --- what cannot be ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[Service]\nExecStart=/bin/sleep infinity\n", "it has no [Install] section"),
        ("[Service]\nExecStart=/bin/sleep infinity\n[Install]\nAlso=ssh.service\n", "only names others"),
    ],
)
def test_a_unit_that_cannot_be_enabled_says_why(world: World, text: str, why: str) -> None:
    unit(world, text=text)
    error = world.refused("service", name="demo", enabled=True)
    assert (error["path"], why in str(error["message"])) == ("/enabled", True)
    assert world.converge("service", name="demo", enabled=False).decision.action == "no-op"
    assert world.changes("service", name="demo", running=True) == {"/running": True}


def test_another_name_of_a_unit_is_not_managed(world: World) -> None:
    world.sh("systemctl enable ssh")
    error = world.refused("service", name="sshd", enabled=False)
    assert (error["path"], error["message"]) == ("/name", "sshd.service is another name of ssh.service")


def test_a_oneshot_cannot_be_kept_running(world: World) -> None:
    unit(world, text="[Service]\nType=oneshot\nExecStart=/bin/true\n")
    assert world.refused("service", name="demo", running=True)["path"] == "/running"


def test_a_unit_that_is_not_there_yet_is_planned_and_refused_by_the_apply(world: World) -> None:
    config = {"name": "aivp-service", "running": True, "enabled": True}
    seen = world.driver.observe("service", config)
    assert seen.observed is None
    assert world.refused("service", **config)["path"] == "/name"
    world.sh("apt-get update && apt-get -y install aivp-service")
    assert world.converge("service", **config).decision.action == "no-op"


def test_absence_of_a_unit_that_is_not_there_is_nothing(world: World) -> None:
    assert world.converge("service", name="nonesuch", running=False, enabled=False).decision.action == "no-op"
    assert world.converge("service", name="nonesuch").decision.action == "no-op"
    assert world.changes("service", name="nonesuch", masked=True) == {"/name": "nonesuch", "/masked": True}


# --- failures ----------------------------------------------------------------------------------------------------


def test_a_service_that_dies_at_once_fails_with_its_last_words(world: World) -> None:
    dies = "[Service]\nExecStart=/bin/sh -c 'sleep 0.2; echo no port left; exit 3'\n"
    unit(world, text=dies)
    with pytest.raises(Failed) as failed:
        world.driver.converge("service", {"name": "demo", "running": True})
    assert failed.value.error["message"].startswith(
        "demo.service did not survive its start: it is failed (failed, exit-code)\n"
    )
    assert "no port left" in failed.value.error["message"]


def test_a_loop_of_crashes_is_a_failure_and_not_running(world: World) -> None:
    unit(world, text="[Service]\nRestart=always\nExecStart=/bin/sh -c 'echo round; exit 1'\n")
    with pytest.raises(Failed, match="did not survive its start"):
        world.driver.converge("service", {"name": "demo", "running": True})
    until = time.monotonic() + 30  # a slow machine may look while it is in one of its short lives
    while (seen := world.driver.observe("service", {"name": "demo", "running": True}).observed) != {
        "name": "demo",
        "running": False,
    }:
        assert time.monotonic() < until, seen


def test_a_loop_of_crashes_is_not_stopped_either(world: World) -> None:
    unit(world, text="[Service]\nRestart=always\nRestartSec=600\nExecStart=/bin/false\n")
    world.sh("systemctl start demo; sleep 0.3")
    assert state(world)[1] == "activating"
    assert world.changes("service", name="demo", running=False) == {"/running": False}


def test_a_unit_that_failed_too_often_is_tried_again(world: World) -> None:
    unit(world, text="[Service]\nExecStart=/bin/sh -c 'test -e /run/ready && exec sleep infinity'\n")
    world.sh("for i in 1 2 3 4 5 6 7 8; do systemctl start demo; sleep 0.05; done", check=False)
    world.sh("touch /run/ready")
    assert world.changes("service", name="demo", running=True) == {"/running": True}


def test_a_start_that_takes_too_long(world: World) -> None:
    unit(world, text="[Service]\nType=notify\nExecStart=/bin/sleep infinity\n")
    begun = time.monotonic()
    with pytest.raises(Failed) as failed:
        world.driver.converge("service", {"name": "demo", "running": True, "timeout": 1})
    assert time.monotonic() - begun < 5
    assert failed.value.error["path"] == "/timeout"
    assert "did not end within 1 s: it is activating (start)" in failed.value.error["message"]


def test_a_unit_file_that_systemd_cannot_use(world: World) -> None:
    unit(world, text="[Service]\nType=simple\n")
    with pytest.raises(Failed, match=r"start of demo\.service failed"):
        world.driver.converge("service", {"name": "demo", "running": True})


# --- unit files that change --------------------------------------------------------------------------------------


def test_a_changed_unit_file_is_read_before_the_start(world: World) -> None:
    unit(world)
    world.sh("systemctl show demo")
    world.host.write("/etc/systemd/system/demo.service", SLEEPER.format(service="Environment=NEW=1", install=""))
    world.converge("service", name="demo", running=True)
    assert world.sh("systemctl show --property=NeedDaemonReload,Environment demo").split() == [
        "Environment=NEW=1",
        "NeedDaemonReload=no",
    ]


def test_a_changed_install_section_is_enabled_anew(world: World) -> None:
    unit(world)
    world.sh("systemctl enable demo")
    text = SLEEPER.format(service="", install="").replace("multi-user.target", "sysinit.target")
    world.host.write("/etc/systemd/system/demo.service", text)
    assert world.changes("service", name="demo", enabled=True) == {"/enabled": True}
    links = world.sh("cd /etc/systemd/system && ls -d *.wants/demo.service").split()
    assert links == ["sysinit.target.wants/demo.service"]


def test_also_enables_the_others_once(world: World) -> None:
    unit(world, "other.service")
    unit(world, install="Also=other.service")
    world.converge("service", name="demo", enabled=True)
    assert state(world, "other")[0] == "enabled"
    assert world.converge("service", name="other", enabled=True).decision.action == "no-op"


# --- refresh -----------------------------------------------------------------------------------------------------


def test_a_refresh_reloads_what_can_reload(world: World) -> None:
    world.sh("apt-get update && apt-get -y install aivp-service")
    world.sh("echo greeting = hi > /etc/aivp-service.conf")
    before = invocation(world, "aivp-service")
    assert refresh(world, name="aivp-service", running=True)["absorbs_refresh"] is True
    time.sleep(0.3)
    assert world.host.read("/run/aivp-service/config") == "greeting = hi\n"
    assert world.host.read("/var/log/aivp-service") == "start\nreload\n"
    assert invocation(world, "aivp-service") == before


def test_a_refresh_restarts_what_cannot_reload(world: World) -> None:
    unit(world)
    world.sh("systemctl start demo")
    before = invocation(world)
    refresh(world, name="demo", running=True)
    assert invocation(world) != before
    assert state(world)[1] == "active"


@pytest.mark.parametrize("is_reloaded", [False, True])
def test_a_refresh_restarts_a_unit_whose_own_file_changed(world: World, is_reloaded: bool) -> None:
    """Also where the step of another unit has reloaded systemd in the meantime."""
    world.sh("apt-get update && apt-get -y install aivp-service && sleep 0.1")
    world.host.write("/etc/systemd/system/aivp-service.service.d/local.conf", "[Service]\nEnvironment=NEW=1\n")
    if is_reloaded:
        world.sh("systemctl daemon-reload")
    before = invocation(world, "aivp-service")
    refresh(world, name="aivp-service", running=True)
    assert invocation(world, "aivp-service") != before


def test_a_refresh_restarts_a_unit_that_a_new_file_takes_the_place_of(world: World) -> None:
    world.sh("apt-get update && apt-get -y install aivp-service && sleep 0.1")
    world.sh("cp /usr/lib/systemd/system/aivp-service.service /etc/systemd/system/")
    before = invocation(world, "aivp-service")
    refresh(world, name="aivp-service", running=True)
    assert invocation(world, "aivp-service") != before
    path = world.sh("systemctl show --property=FragmentPath --value aivp-service").strip()
    assert path == "/etc/systemd/system/aivp-service.service"


def test_a_refresh_can_be_told_to_restart_or_to_reload(world: World) -> None:
    world.sh("apt-get update && apt-get -y install aivp-service")
    before = invocation(world, "aivp-service")
    refresh(world, name="aivp-service", on_refresh="restart")
    assert invocation(world, "aivp-service") != before
    unit(world)
    world.sh("systemctl start demo")
    with pytest.raises(Failed, match="cannot be reloaded"):
        refresh(world, name="demo", on_refresh="reload")


def test_a_refresh_does_not_start_what_is_not_meant_to_run(world: World) -> None:
    unit(world)
    refresh(world, name="demo")
    refresh(world, name="demo", running=False)
    assert state(world)[1] == "inactive"
    refresh(world, name="demo", running=True)
    assert state(world)[1] == "active"


def test_a_refresh_runs_a_oneshot_again(world: World) -> None:
    unit(world, text="[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo ran >> /run/ran'\n")
    refresh(world, name="demo")
    refresh(world, name="demo")
    assert world.host.read("/run/ran") == "ran\nran\n"


def test_a_reload_that_fails_is_a_failure(world: World) -> None:
    unit(world, service="ExecReload=/bin/sh -c 'echo bad configuration; exit 1'")
    world.sh("systemctl start demo")
    with pytest.raises(Failed, match="bad configuration"):
        refresh(world, name="demo", running=True)
    assert state(world)[1] == "active"


# --- many --------------------------------------------------------------------------------------------------------


def test_observing_many_is_one_look(world: World) -> None:
    before = world.processes()
    world.driver.observe_many("service", [{"name": f"demo-{number}", "running": True} for number in range(200)])
    assert world.processes() - before < 10
