"""`service` where systemd does not run: real init scripts in a throwaway container, each state × each declaration."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from aivp_contract.diff import Decision
from aivp_contract.values import Json

from tests import lab
from tests.providers.driver import Failed, RemoteDriver
from tests.providers.host.world import World

pytestmark = pytest.mark.lab

_SUITES = [suite if suite == lab.DEFAULT_SUITE else pytest.param(suite, marks=pytest.mark.slow) for suite in lab.SUITES]

HEADER = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides: demo
# Required-Start:
# Required-Stop:
# Default-Start: {levels}
# Default-Stop: 0 1 6
# Short-Description: demo
### END INIT INFO
NAME=demo
PIDFILE=/run/$NAME.pid
run() {{ start-stop-daemon --start --quiet --background --make-pidfile --pidfile $PIDFILE --startas /bin/sleep 1000; }}
halt() {{ start-stop-daemon --stop --quiet --oknodo --retry 5 --pidfile $PIDFILE --remove-pidfile; }}
alive() {{ start-stop-daemon --status --pidfile $PIDFILE; }}
case "$1" in
    {cases}
    *) echo "Usage: $0 {{start|stop}}" >&2; exit 3 ;;
esac
"""
CASES = {
    "start": "start) run ;;",
    "stop": "stop) halt ;;",
    "restart": "restart|force-reload) halt; run ;;",
    "status": "status) alive ;;",
}


@pytest.fixture(scope="module", params=_SUITES)
def container(request: pytest.FixtureRequest) -> Iterator[World]:
    reason = lab.plain_available(request.param)
    if reason is not None:
        pytest.skip(reason)
    with lab.plain_host(request.param) as host, World.of(host) as world:
        yield world


@pytest.fixture
def world(container: World) -> Iterator[World]:
    """Nothing runs afterwards, and the script of a test is gone."""
    yield container
    container.sh(
        "pkill -9 -x 'cron|nginx'; kill -9 $(cat /run/demo.pid); rm -f /run/*.pid /etc/init.d/demo /etc/rc?.d/???demo"
        " /usr/sbin/policy-rc.d",
        check=False,
    )


def demo(world: World, levels: str = "2 3 4 5", **cases: str) -> None:
    """Write an init script; `cases` take the place of the usual ones, empty ones take them away."""
    text = "\n    ".join(line for line in {**CASES, **cases}.values() if line)
    world.host.write("/etc/init.d/demo", HEADER.format(levels=levels, cases=text))
    world.sh("chmod 755 /etc/init.d/demo")


def links(world: World, name: str) -> str:
    """`S2 S3 S4 S5`"""
    found = world.sh(f"cd /etc; ls rc[2345S].d/[SK]??{name} 2>/dev/null", check=False).split()
    return " ".join(f"{path[6]}{path[2]}" for path in found)


def pid(world: World) -> str:
    return world.sh("cat /run/demo.pid").strip()


def kill(world: World) -> None:
    """End the daemon behind the back of its script."""
    world.sh(f"kill -9 {pid(world)}; while kill -0 {pid(world)} 2>/dev/null; do sleep 0.05; done")


def refresh(world: World, **config: Json) -> dict[str, Json]:
    """What the engine does when a notification fires."""
    return world.driver.apply("service", config, world.driver.observe("service", config), Decision("refresh"))


# --- running, enabled --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cron", "nginx.service"])
def test_a_service_of_debian_is_started_and_stopped(world: World, name: str) -> None:
    script = name.partition(".")[0]
    assert world.changes("service", name=name, running=True, enabled=True, masked=False) == {"/running": True}
    assert world.host.run(["service", script, "status"], check=False).returncode == 0
    assert world.changes("service", name=name, running=False) == {"/running": False}
    assert world.host.run(["service", script, "status"], check=False).returncode == 3


def test_a_script_is_linked_turned_off_and_on_again(world: World) -> None:
    demo(world)
    assert world.converge("service", name="demo", enabled=False).decision.action == "no-op"
    for enabled, letter in ((True, "S"), (False, "K"), (True, "S")):
        assert world.changes("service", name="demo", enabled=enabled) == {"/enabled": enabled}
        assert links(world, "demo") == f"{letter}2 {letter}3 {letter}4 {letter}5"


def test_enabled_in_part_is_neither(world: World) -> None:
    demo(world, levels="3 5")
    world.converge("service", name="demo", enabled=True)
    assert links(world, "demo") == "S3 S5"
    world.sh("update-rc.d demo disable 3")
    assert world.changes("service", name="demo", enabled=True) == {"/enabled": True}
    world.sh("update-rc.d demo disable 3")
    assert world.changes("service", name="demo", enabled=False) == {"/enabled": False}


def test_only_what_is_declared_is_managed(world: World) -> None:
    demo(world)
    world.converge("service", name="demo", running=True)
    assert links(world, "demo") == ""
    before = lab.snapshot(world.host)
    assert world.converge("service", name="demo").decision.action == "no-op"
    assert world.difference(before) == ()


def test_a_daemon_outlives_the_one_that_started_it(world: World) -> None:
    demo(world)
    with RemoteDriver(world.driver.provider, world.host.argv) as driver:
        driver.converge("service", {"name": "demo", "running": True}).check()
    assert world.converge("service", name="demo", running=True).decision.action == "no-op"


def test_a_script_that_is_not_there(world: World) -> None:
    for config in ({"running": False}, {"enabled": False}, {"masked": False}):
        assert world.converge("service", name="nope", **config).decision.action == "no-op"
    assert world.refused("service", name="nope", running=True)["path"] == "/name"
    demo(world)
    world.sh("chmod 644 /etc/init.d/demo")
    assert world.refused("service", name="demo", enabled=True)["path"] == "/name"


# --- scripts that say little, or lie -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("code", [1, 2, 3])
def test_what_is_dead_but_left_something_is_started(world: World, code: int) -> None:
    demo(world, status=f"status) alive || exit {code} ;;")
    assert world.changes("service", name="demo", running=True) == {"/running": True}


def test_a_status_that_does_not_know_is_an_error(world: World) -> None:
    demo(world, status="status) echo 'ask root' >&2; exit 4 ;;")
    error = world.refused("service", name="demo", running=True)
    assert error["path"] == "/running"
    assert "(exit 4): ask root" in str(error["message"])


def test_without_status_the_pid_file_tells(world: World) -> None:
    demo(world, status="")
    assert world.changes("service", name="demo", running=True) == {"/running": True}
    kill(world)
    assert world.changes("service", name="demo", running=True) == {"/running": True}
    assert world.changes("service", name="demo", running=False) == {"/running": False}


def test_without_status_and_pid_file_nobody_can_tell(world: World) -> None:
    demo(world, status="")
    world.sh("sed -i 's/PIDFILE/FILE/' /etc/init.d/demo")
    error = world.refused("service", name="demo", running=True)
    assert error["path"] == "/running"
    assert "has no status action and names no pid file" in str(error["message"])
    world.converge("service", name="demo", enabled=True)


def test_a_kind_word_for_a_dead_process_is_not_believed(world: World) -> None:
    demo(world, status="status) exit 0 ;;")
    world.sh("service demo start; until test -s /run/demo.pid; do sleep 0.05; done")
    kill(world)
    assert world.changes("service", name="demo", running=True) == {"/running": True}


@pytest.mark.slow
def test_a_start_that_starts_nothing_is_an_error(world: World) -> None:
    demo(world, start="start) echo 'demo: disabled in /etc/default/demo' ;;")
    error = world.refused("service", name="demo", running=True)
    assert (error["class"], error["path"]) == ("temporary", "/running")
    assert "demo does not run after its start, which reported success\ndemo: disabled" in str(error["message"])


def test_a_start_that_fails_tells_its_words(world: World) -> None:
    demo(world, start="start) echo 'bad configuration'; exit 6 ;;")
    assert "(exit 6)\nbad configuration" in str(world.refused("service", name="demo", running=True)["message"])


@pytest.mark.slow
def test_a_start_that_hangs_is_stopped(world: World) -> None:
    demo(world, start="start) sleep 60 ;;")
    begun = time.monotonic()
    error = world.refused("service", name="demo", running=True, timeout=1)
    assert error["path"] == "/timeout"
    assert time.monotonic() - begun < 30


# --- what cannot be ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"name": "cron", "masked": True}, "/masked"),
        ({"name": "fstrim.timer", "running": True}, "/name"),
        ({"name": "getty@tty1", "enabled": True}, "/name"),
    ],
)
def test_what_only_systemd_has_is_refused(world: World, config: dict[str, Json], path: str) -> None:
    error = world.refused("service", **config)
    assert error["path"] == path
    assert error["mend"]


def test_a_script_that_nothing_starts_cannot_be_enabled(world: World) -> None:
    demo(world, levels="")
    assert world.refused("service", name="demo", enabled=True)["path"] == "/enabled"


@pytest.mark.parametrize(("code", "word"), [(101, "denies"), (106, "does not allow")])
def test_the_policy_of_the_host_is_obeyed(world: World, code: int, word: str) -> None:
    world.host.write("/usr/sbin/policy-rc.d", f"#!/bin/sh\nexit {code}\n")
    world.sh("chmod 755 /usr/sbin/policy-rc.d")
    error = world.refused("service", name="cron", running=True)
    assert (error["class"], error["path"]) == ("permanent", "/running")
    assert f"nothing was done: /usr/sbin/policy-rc.d of this host {word} the start of cron" in str(error["message"])
    world.host.write("/usr/sbin/policy-rc.d", '#!/bin/sh\ntest "$1 $2" = "cron start"\n')
    assert world.changes("service", name="cron", running=True) == {"/running": True}


def test_in_a_chroot_nothing_is_started(world: World) -> None:
    world.sh(
        "mkdir -p /srv/image && for i in bin etc lib lib64 proc sbin tmp usr dev; do"
        " mkdir -p /srv/image/$i && mount --rbind /$i /srv/image/$i; done"
    )
    try:
        with RemoteDriver(world.driver.provider, [*world.host.argv, "chroot", "/srv/image"]) as driver:
            with pytest.raises(Failed) as failed:
                driver.observe("service", {"name": "cron", "running": True})
            assert failed.value.error["path"] == "/running"
            assert driver.converge("service", {"name": "cron", "enabled": False}).check().decision.action == "update"
    finally:
        world.sh("update-rc.d cron enable; cd /srv/image && for i in *; do umount -R $i; done")


# --- notifications -----------------------------------------------------------------------------------------------


def test_a_notification_restarts_what_cannot_be_reloaded(world: World) -> None:
    demo(world)
    world.sh("service demo start")
    before = pid(world)
    refresh(world, name="demo")
    assert pid(world) != before
    with pytest.raises(Failed) as failed:
        refresh(world, name="demo", on_refresh="reload")
    assert failed.value.error["path"] == "/on_refresh"


def test_a_notification_reloads_what_can_be(world: World) -> None:
    demo(world, reload="reload) echo reloaded >> /tmp/reloaded ;;")
    world.sh("service demo start")
    before = pid(world)
    refresh(world, name="demo")
    assert (pid(world), world.host.read("/tmp/reloaded")) == (before, "reloaded\n")
    refresh(world, name="demo", on_refresh="restart")
    assert pid(world) != before


def test_a_notification_starts_only_what_is_to_run(world: World) -> None:
    demo(world)
    refresh(world, name="demo")
    assert not (world.host.root / "run/demo.pid").exists()
    assert world.host.run(["service", "demo", "status"], check=False).returncode == 3
    refresh(world, name="demo", running=True)
    assert world.host.run(["service", "demo", "status"], check=False).returncode == 0
