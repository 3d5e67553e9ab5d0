"""`package` and `package_index` where rpm and dnf keep the packages: what apt is held to, and what only dnf has.

Real dnf and real packages of rpmbuild in a throwaway container; most cases share one, each begins without packages.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest
from aivp_contract.values import Json
from aivp_host.packages import rpm_versions

from tests import lab
from tests.providers.driver import Failed
from tests.providers.host.world import World

pytestmark = pytest.mark.lab

_SUITES = [suite if suite == lab.DEFAULT_SUITE else pytest.param(suite, marks=pytest.mark.slow) for suite in lab.SUITES]


@pytest.fixture(scope="module", params=_SUITES)
def container(request: pytest.FixtureRequest) -> Iterator[World]:
    reason = lab.plain_available(request.param)
    if reason is not None:
        pytest.skip(reason)
    with lab.plain_host(request.param) as host:
        host.become_rpm()
        host.run(["dnf", "-q", "makecache"])
        with World.of(host) as world:
            yield world


@pytest.fixture
def world(container: World) -> World:
    """No packages, no locks."""
    container.sh("rpm -qa --qf '%{NAME} ' | xargs -r rpm -e --nodeps")
    container.sh("rm -f /etc/aivp-probe.conf*; : > /etc/dnf/plugins/versionlock.list")
    return container


def installed(world: World) -> str:
    """All that is installed: `aivp-probe 1.0-1, …`"""
    return ", ".join(sorted(world.sh("rpm -qa --qf '%{NAME} %{EVR}\\n'").splitlines()))


def dnf(world: World, what: str) -> None:
    world.sh(f"dnf -C -y -q --setopt=install_weak_deps=0 {what}")


def is_lockable(world: World) -> bool:
    return (world.host.root / "etc/dnf/plugins/versionlock.conf").exists()


@pytest.fixture
def lockable(world: World) -> World:
    if not is_lockable(world):
        pytest.skip(f"dnf of {world.host.suite} comes without its versionlock plugin")
    return world


# --- absent, compliant, drifted ----------------------------------------------------------------------------------


def test_an_absent_package_is_installed_without_what_it_recommends(world: World) -> None:
    assert world.changes("package", name="aivp-weak") == {"/name": "aivp-weak"}
    assert installed(world) == "aivp-weak 1.0-1"


@pytest.mark.slow
def test_recommends_brings_them(world: World) -> None:
    world.converge("package", name="aivp-weak", recommends=True)
    assert installed(world) in ("aivp-extra 1.0-1, aivp-weak 1.0-1", "aivp-replaces 1.0-1, aivp-weak 1.0-1")


@pytest.mark.slow
def test_present_never_upgrades(world: World) -> None:
    dnf(world, "install aivp-probe-1.0")
    assert world.converge("package", name="aivp-probe").decision.action == "no-op"
    assert installed(world) == "aivp-probe 1.0-1"


@pytest.mark.parametrize("pattern", [pytest.param("1.0-1", marks=pytest.mark.slow), "1.*"])
def test_a_version_is_installed_exactly_or_by_pattern(world: World, pattern: str) -> None:
    assert world.changes("package", name="aivp-probe", version=pattern)["/version"] == "1.0-1"
    assert installed(world) == "aivp-probe 1.0-1"


def test_latest_says_from_which_version_to_which(world: World) -> None:
    dnf(world, "install aivp-probe-1.0")
    done = world.converge("package", name="aivp-probe", state="latest")
    assert [(c.path, c.before, c.after) for c in done.decision.changes] == [
        ("/state", "present", "latest"),
        ("/version", "1.0-1", "2.0-1"),
    ]
    assert installed(world) == "aivp-probe 2.0-1"


@pytest.mark.slow
def test_the_epoch_comes_first(world: World) -> None:
    world.converge("package", name="aivp-epoch", state="latest")
    assert installed(world) == "aivp-epoch 1:1.0-1"
    assert world.refused("package", name="aivp-epoch", version="2.0-1")["path"] == "/version"


@pytest.mark.slow
def test_a_name_that_no_debian_package_has(world: World) -> None:
    world.converge("package", name="aivp-Odd_name", version="1.0^git1-1")
    assert installed(world) == "aivp-Odd_name 1.0^git1-1"


@pytest.mark.slow
def test_what_another_package_obsoletes_is_installed_itself(world: World) -> None:
    world.converge("package", name="aivp-extra")
    assert installed(world) == "aivp-extra 1.0-1"


@pytest.mark.slow
def test_absent_leaves_a_changed_configuration_file_beside(world: World) -> None:
    dnf(world, "install aivp-probe")
    world.sh("echo ours >> /etc/aivp-probe.conf")
    assert world.changes("package", name="aivp-probe", state="absent") == {"/state": "absent"}
    assert world.host.read("/etc/aivp-probe.conf.rpmsave").endswith("ours\n")
    assert world.converge("package", name="aivp-probe", state="absent").decision.action == "no-op"


@pytest.mark.slow
def test_deleting_the_resource_removes_it(world: World) -> None:
    config: dict[str, Json] = {"name": "aivp-probe"}
    world.converge("package", **config)
    assert world.driver.delete("package", config).observed is None
    assert installed(world) == ""


# --- holds -------------------------------------------------------------------------------------------------------


def test_hold_together_with_a_version_is_idempotent(lockable: World) -> None:
    config: dict[str, Json] = {"name": "aivp-probe", "version": "1.0-1", "hold": True}
    assert lockable.converge("package", **config).decision.action == "create"
    dnf(lockable, "upgrade")
    assert installed(lockable) == "aivp-probe 1.0-1"
    assert lockable.converge("package", **config).decision.action == "no-op"


@pytest.mark.slow
def test_a_new_version_of_a_held_package_goes_through_and_stays_held(lockable: World) -> None:
    lockable.converge("package", name="aivp-probe", version="1.0-1", hold=True)
    assert lockable.changes("package", name="aivp-probe", version="2.0-1", hold=True) == {"/version": "2.0-1"}
    assert "aivp-probe-0:2.0-1" in lockable.sh("dnf -q -C versionlock list")


@pytest.mark.slow
def test_a_hold_alone_changes_no_version(lockable: World) -> None:
    dnf(lockable, "install aivp-probe-1.0")
    assert lockable.changes("package", name="aivp-probe", hold=True) == {"/hold": True}
    assert lockable.changes("package", name="aivp-probe", hold=False) == {"/hold": False}
    assert lockable.sh("dnf -q -C versionlock list") == ""
    assert installed(lockable) == "aivp-probe 1.0-1"


def test_a_hold_of_somebody_else_is_respected(lockable: World) -> None:
    dnf(lockable, "install aivp-probe-1.0")
    lockable.sh("dnf -q -C versionlock add aivp-probe")
    assert lockable.refused("package", name="aivp-probe", version="2.0-1")["path"] == "/version"
    assert lockable.refused("package", name="aivp-probe", state="absent")["path"] == "/state"
    assert lockable.converge("package", name="aivp-probe", state="latest").decision.action == "no-op"
    lockable.converge("package", name="aivp-probe", version="2.0-1", allow_change_held=True)
    assert "aivp-probe-0:2.0-1" in lockable.sh("dnf -q -C versionlock list")


def test_hold_without_the_plugin_is_refused(world: World) -> None:
    configuration = "/etc/dnf/plugins/versionlock.conf"
    world.sh(f"test ! -e {configuration} || sed -i 's/^enabled = 1/enabled = 0/' {configuration}")
    try:
        error = world.refused("package", name="aivp-probe", hold=True)
        assert error["path"] == "/hold"
        assert "versionlock" in str(error["message"])
        world.converge("package", name="aivp-probe", hold=False)
    finally:
        world.sh(f"test ! -e {configuration} || sed -i 's/^enabled = 0/enabled = 1/' {configuration}")


# --- what a transaction may do -----------------------------------------------------------------------------------


def test_a_downgrade_is_refused_unless_it_is_allowed(world: World) -> None:
    dnf(world, "install aivp-probe")
    error = world.refused("package", name="aivp-probe", version="1.0-1")
    assert error["path"] == "/version"
    assert "downgrade" in str(error["message"])
    assert world.changes("package", name="aivp-probe", version="1.0-1", allow_downgrade=True) == {"/version": "1.0-1"}
    assert installed(world) == "aivp-probe 1.0-1"


@pytest.mark.parametrize(
    ("there", "wanted", "victim"),
    [
        ("aivp-needs", {"name": "aivp-probe", "state": "absent"}, "aivp-needs"),
        ("aivp-probe", {"name": "aivp-conflict"}, "aivp-probe"),
        ("aivp-extra-1.0-1.noarch", {"name": "aivp-replaces"}, "aivp-extra"),
    ],
    ids=["dependent", "conflict", "obsoletes"],
)
def test_a_removal_that_nobody_declared_is_refused(
    world: World, there: str, wanted: dict[str, Json], victim: str
) -> None:
    dnf(world, f"install {there}")
    assert f"would remove {victim}," in str(world.refused("package", **wanted)["message"])


def test_what_takes_the_place_of_another_comes_in_one_request(world: World) -> None:
    dnf(world, "install aivp-needs")
    driver = world.driver
    configs: list[dict[str, Json]] = [
        {"name": "aivp-conflict"},
        {"name": "aivp-probe", "state": "absent"},
        {"name": "aivp-needs", "state": "absent"},
    ]
    seen = [driver.observe("package", config) for config in configs]
    decisions = [driver.decide("package", config, one) for config, one in zip(configs, seen, strict=True)]
    assert [answer.get("error") for answer in driver.apply_many("package", configs, seen, decisions)] == [None] * 3
    assert installed(world) == "aivp-conflict 1.0-1"


def test_an_unknown_version_stops_the_whole_transaction(world: World) -> None:
    driver = world.driver
    configs: list[dict[str, Json]] = [{"name": "aivp-probe"}, {"name": "aivp-weak", "version": "9-1"}]
    seen = [driver.observe("package", config) for config in configs]
    decisions = [driver.decide("package", config, one) for config, one in zip(configs, seen, strict=True)]
    errors = [answer["error"] for answer in driver.apply_many("package", configs, seen, decisions)]
    assert "nothing was changed" in str(errors[0]["message"])
    assert "there is: 1.0-1" in str(errors[1]["message"])
    assert installed(world) == ""


@pytest.mark.slow
def test_an_unknown_name(world: World) -> None:
    error = world.refused("package", name="aivp-nope")
    assert (error["path"], error["message"]) == ("/name", "dnf knows no package aivp-nope")


@pytest.mark.slow
def test_a_script_that_fails_is_told(world: World) -> None:
    with pytest.raises(Failed) as failed:
        world.driver.converge("package", {"name": "aivp-broken"})
    assert "aivp-broken" in str(failed.value.error["message"])
    assert installed(world) == ""


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"state": "purged"}, "/state"),
        ({"purge": True}, "/purge"),
        ({"default_release": "bookworm"}, "/default_release"),
        ({"conffiles": "replace"}, "/conffiles"),
    ],
)
def test_what_only_apt_has_is_refused(world: World, config: dict[str, Json], path: str) -> None:
    error = world.refused("package", name="aivp-probe", **config)
    assert error["path"] == path
    assert error["mend"]


# --- others at work, lists ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_another_dnf_is_waited_for(world: World) -> None:
    argv = [*world.host.argv, "dnf", "-C", "-y", "-q", "install", "aivp-slow"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
        deadline = time.monotonic() + 20
        while not (world.host.root / "var/lib/dnf/rpmdb_lock.pid").exists():
            assert time.monotonic() < deadline, "dnf took no lock"
            time.sleep(0.05)
        with pytest.raises(Failed) as failed:
            world.driver.converge("package", {"name": "aivp-probe", "lock_timeout": 1})
        assert failed.value.error["class"] == "temporary"
        world.converge("package", name="aivp-probe", lock_timeout=60)
        other.wait(60)
    assert installed(world) == "aivp-probe 2.0-1, aivp-slow 1.0-1"


def test_the_index_is_refreshed_where_it_is_too_old_or_a_source_is_newer(world: World) -> None:
    config: dict[str, Json] = {"manager": "dnf", "max_age": 3600}
    assert world.driver.converge("package_index", config).again.action == "no-op"
    world.sh(
        "touch -d '2 hours ago' /etc/yum.repos.d /etc/yum.repos.d/* /etc/dnf/dnf.conf /var/cache/dnf/lab-*/repodata/*"
    )
    assert world.driver.converge("package_index", config).check().decision.action != "no-op"
    world.sh("touch -d 'now + 5 seconds' /etc/yum.repos.d/lab.repo")
    assert world.driver.decide("package_index", config, world.driver.observe("package_index", config)).action != "no-op"
    world.sh("touch -d '1 hour ago' /etc/yum.repos.d/lab.repo; rm -rf /var/cache/dnf/lab-*")
    assert world.driver.converge("package_index", config).check().decision.action != "no-op"
    assert world.refused("package_index", manager="apt")["path"] == "/manager"


def test_a_source_that_does_not_answer_is_an_error(world: World) -> None:
    world.host.write(
        "/etc/yum.repos.d/gone.repo", "[gone]\nname=gone\nbaseurl=file:///srv/gone\nskip_if_unavailable=1\n"
    )
    try:
        with pytest.raises(Failed) as failed:
            world.driver.converge("package_index", {"manager": "dnf"})
        assert "gone" in str(failed.value.error["message"])
    finally:
        world.sh("rm /etc/yum.repos.d/gone.repo")


def test_versions_are_in_rpms_own_order(world: World) -> None:
    parts = [
        "1",
        "1.0",
        "1.0.0",
        "1.01",
        "1.1",
        "1.10",
        "1.9",
        "1.a",
        "1a",
        "1.0~rc1",
        "1.0^git1",
        "1.0^",
        "1.0~~",
        "a",
    ]
    parts += ["1.0~rc1^git", "1_0", "1.0+b", "1..0", "el9_4.1", "el9", "2", "10", "01"]
    pairs = [(one, other) for one in parts for other in parts]
    calls = ",".join(f"rpm.vercmp('{one}','{other}')" for one, other in pairs)
    said = world.host.run(["rpm", "--eval", f"%{{lua:print(table.concat({{{calls}}}, ' '))}}"]).stdout.split()
    assert [int(word) < 0 for word in said] == [rpm_versions.is_older(f"{one}-1", f"{other}-1") for one, other in pairs]
