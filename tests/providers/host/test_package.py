"""`package` on real hosts: each state of a package × each declaration."""

from __future__ import annotations

import subprocess
import time

import pytest
from aivp_contract.values import Json

from tests import lab
from tests.providers.driver import Failed
from tests.providers.host.world import World

pytestmark = pytest.mark.lab


@pytest.fixture(autouse=True)
def lists(world: World) -> None:
    world.sh("apt-get update")


def status(world: World, name: str) -> str:
    """`install ok installed 1.0`, or `` where dpkg does not know it."""
    return world.sh(f"dpkg-query -W -f '${{Status}} ${{Version}}' {name} 2>/dev/null", check=False)


def transactions(world: World) -> int:
    """How often apt has changed something on this host."""
    return world.sh("cat /var/log/apt/history.log 2>/dev/null || true").count("Start-Date:")


# --- absent, compliant, drifted ----------------------------------------------------------------------------------


def test_an_absent_package_is_installed_without_what_it_recommends(world: World) -> None:
    assert world.changes("package", name="hello") == {"/name": "hello"}
    assert status(world, "hello").startswith("install ok installed")


def test_present_never_upgrades(world: World) -> None:
    world.sh("apt-get -y install aivp-probe=1.0")
    assert world.converge("package", name="aivp-probe").decision.action == "no-op"
    assert status(world, "aivp-probe") == "install ok installed 1.0"


def test_present_installs_again_what_only_left_its_configuration(world: World) -> None:
    world.sh("apt-get -y install aivp-probe && apt-get -y remove aivp-probe")
    assert status(world, "aivp-probe") == "deinstall ok config-files 2.0"
    assert world.converge("package", name="aivp-probe").decision.action == "create"


@pytest.mark.parametrize("pattern", ["1.0", "1.*"])
def test_a_version_is_installed_exactly_or_by_pattern(world: World, pattern: str) -> None:
    assert world.changes("package", name="aivp-probe", version=pattern)["/version"] == "1.0"
    assert status(world, "aivp-probe") == "install ok installed 1.0"


def test_a_pattern_that_the_installed_version_matches_is_satisfied(world: World) -> None:
    world.sh("apt-get -y install aivp-probe=1.0")
    assert world.converge("package", name="aivp-probe", version="*").decision.action == "no-op"


def test_of_the_versions_that_match_the_candidate_is_taken(world: World) -> None:
    assert world.changes("package", name="aivp-probe", version="*.0")["/version"] == "2.0"


def test_latest_says_from_which_version_to_which(world: World) -> None:
    world.sh("apt-get -y install aivp-probe=1.0")
    done = world.converge("package", name="aivp-probe", state="latest")
    assert [(c.path, c.before, c.after) for c in done.decision.changes] == [
        ("/state", "present", "latest"),
        ("/version", "1.0", "2.0"),
    ]
    assert status(world, "aivp-probe") == "install ok installed 2.0"


def test_absent_keeps_configuration_files_and_purged_does_not(world: World) -> None:
    world.sh("apt-get -y install aivp-probe")
    assert world.changes("package", name="aivp-probe", state="absent") == {"/state": "absent"}
    assert status(world, "aivp-probe") == "deinstall ok config-files 2.0"
    assert world.converge("package", name="aivp-probe", state="absent").decision.action == "no-op"
    assert world.changes("package", name="aivp-probe", state="purged") == {"/state": "purged"}
    assert status(world, "aivp-probe") == ""
    assert world.converge("package", name="aivp-probe", state="purged").decision.action == "no-op"


@pytest.mark.parametrize("state", ["absent", "purged"])
def test_absence_of_what_never_was_there_is_nothing(world: World, state: str) -> None:
    assert world.converge("package", name="aivp-probe", state=state).decision.action == "no-op"


@pytest.mark.parametrize(("purge", "left"), [(False, "deinstall ok config-files 2.0"), (True, "")])
def test_deleting_the_resource_removes_or_purges(world: World, purge: bool, left: str) -> None:
    config = {"name": "aivp-probe", "purge": purge}
    world.converge("package", **config)
    assert world.driver.delete("package", config).observed is None
    assert status(world, "aivp-probe") == left


def test_deleting_takes_a_hold_of_the_resource_along(world: World) -> None:
    config = {"name": "aivp-probe", "hold": True}
    world.converge("package", **config)
    assert world.driver.delete("package", config).observed is None


# --- hold and pins -----------------------------------------------------------------------------------------------


def test_hold_together_with_a_version_is_idempotent(world: World) -> None:
    config = {"name": "aivp-probe", "version": "1.0", "hold": True}
    assert world.converge("package", **config).decision.action == "create"
    assert status(world, "aivp-probe") == "hold ok installed 1.0"
    world.sh("apt-get -y upgrade")
    assert world.converge("package", **config).decision.action == "no-op"


def test_a_new_version_of_a_held_package_goes_through_and_stays_held(world: World) -> None:
    world.converge("package", name="aivp-probe", version="1.0", hold=True)
    assert world.changes("package", name="aivp-probe", version="2.0", hold=True) == {"/version": "2.0"}
    assert status(world, "aivp-probe") == "hold ok installed 2.0"


def test_hold_false_lifts_it(world: World) -> None:
    world.sh("apt-get -y install aivp-probe && apt-mark hold aivp-probe")
    assert world.changes("package", name="aivp-probe", hold=False) == {"/hold": False}
    assert status(world, "aivp-probe") == "install ok installed 2.0"


def test_a_hold_alone_changes_no_version(world: World) -> None:
    world.sh("apt-get -y install aivp-probe=1.0")
    assert world.changes("package", name="aivp-probe", hold=True) == {"/hold": True}
    assert status(world, "aivp-probe") == "hold ok installed 1.0"
    assert world.changes("package", name="aivp-probe", hold=False) == {"/hold": False}
    assert status(world, "aivp-probe") == "install ok installed 1.0"


def test_a_hold_of_somebody_else_is_respected(world: World) -> None:
    world.sh("apt-get -y install aivp-probe=1.0 && apt-mark hold aivp-probe")
    assert world.refused("package", name="aivp-probe", version="2.0")["path"] == "/version"
    assert world.refused("package", name="aivp-probe", state="absent")["path"] == "/state"
    assert world.converge("package", name="aivp-probe", state="latest").decision.action == "no-op"


def test_a_hold_of_somebody_else_that_was_overridden_is_there_afterwards(world: World) -> None:
    world.sh("apt-get -y install aivp-probe=1.0 && apt-mark hold aivp-probe")
    world.converge("package", name="aivp-probe", version="2.0", allow_change_held=True)
    assert status(world, "aivp-probe") == "hold ok installed 2.0"


def test_a_package_that_is_held_but_not_there_can_be_installed(world: World) -> None:
    world.sh("apt-mark hold aivp-probe")
    world.converge("package", name="aivp-probe", hold=True)
    assert status(world, "aivp-probe") == "hold ok installed 2.0"


# --- what is refused, with nothing changed -----------------------------------------------------------------------


def test_a_downgrade_must_be_allowed(world: World) -> None:
    world.sh("apt-get -y install aivp-probe")
    error = world.refused("package", name="aivp-probe", version="1.0")
    assert error["path"] == "/version"
    assert "1.0 would be a downgrade" in error["message"]
    world.converge("package", name="aivp-probe", version="1.0", allow_downgrade=True)
    assert status(world, "aivp-probe") == "install ok installed 1.0"


def test_drift_that_would_be_a_downgrade_is_seen_and_refused_by_the_apply(world: World) -> None:
    world.sh("apt-get -y install aivp-probe")
    config = {"name": "aivp-probe", "version": "1.0"}
    assert world.driver.observe("package", config, prior=config).observed == {
        "name": "aivp-probe",
        "state": "present",
        "version": "2.0",
    }
    assert "would be a downgrade" in world.refused("package", prior=config, **config)["message"]


def test_a_removal_that_is_not_in_the_plan_is_refused(world: World) -> None:
    world.sh("apt-get -y install aivp-probe")
    assert "remove aivp-probe, which is not in the plan" in world.refused("package", name="aivp-conflict")["message"]


def test_a_removal_that_is_in_the_plan_shares_the_transaction(world: World) -> None:
    world.sh("apt-get -y install aivp-probe")
    count = transactions(world)
    converge_together(world, [{"name": "aivp-conflict"}, {"name": "aivp-probe", "state": "absent"}])
    assert transactions(world) == count + 1
    assert status(world, "aivp-probe") == "deinstall ok config-files 2.0"


def test_taking_away_what_others_need_is_refused(world: World) -> None:
    world.sh("apt-get -y install cowsay")
    error = world.refused("package", name="libtext-charwidth-perl", state="absent")
    assert "this would remove cowsay" in error["message"]


@pytest.mark.parametrize("name", ["nonesuch", "aivp.probe", "hello+"])
def test_a_name_that_no_list_knows_is_no_pattern(world: World, name: str) -> None:
    error = world.refused("package", name=name)
    assert (error["class"], error["path"], error["message"]) == ("permanent", "/name", f"apt knows no package {name}")


def test_a_name_that_others_provide_is_no_package(world: World) -> None:
    assert world.refused("package", name="mail-transport-agent")["path"] == "/name"


def test_a_version_that_is_not_there_is_told_with_those_that_are(world: World) -> None:
    error = world.refused("package", name="aivp-probe", version="3.*")
    assert (error["path"], error["message"]) == (
        "/version",
        "aivp-probe 3.* is not available; there is: 2.0, 1.0",
    )


def test_a_release_that_no_source_has(world: World) -> None:
    assert world.refused("package", name="hello", default_release="sarge-backports")["path"] == "/default_release"


# --- transactions ------------------------------------------------------------------------------------------------


def converge_together(world: World, configs: list[dict[str, Json]]) -> list[dict[str, Json]]:
    driver = world.driver
    seen = [driver.observe("package", config) for config in configs]
    decisions = [driver.decide("package", config, look) for config, look in zip(configs, seen, strict=True)]
    answers = driver.apply_many("package", configs, seen, decisions)
    for config in configs:
        again = driver.decide("package", config, driver.observe("package", config))
        assert again.action == "no-op" or any("error" in answer for answer in answers), again
    return answers


def test_three_packages_are_one_run_of_apt(world: World) -> None:
    configs: list[dict[str, Json]] = [{"name": "hello"}, {"name": "tree", "hold": True}, {"name": "cowsay"}]
    answers = converge_together(world, configs)
    assert [sorted(answer) for answer in answers] == [["id", "outputs"]] * 3
    assert transactions(world) == 1


def test_removing_and_purging_together(world: World) -> None:
    world.sh("apt-get -y install aivp-probe aivp-service")
    converge_together(
        world,
        [{"name": "aivp-probe", "state": "purged"}, {"name": "aivp-service", "state": "absent"}, {"name": "tree"}],
    )
    assert status(world, "aivp-probe") == ""
    assert status(world, "aivp-service") == "deinstall ok config-files 1.0"


def test_one_unknown_name_stops_the_whole_transaction(world: World) -> None:
    answers = converge_together(world, [{"name": "hello"}, {"name": "nonesuch"}])
    assert [answer["error"].get("path") for answer in answers] == [None, "/name"]
    assert "apt knows no package nonesuch" in answers[0]["error"]["message"]
    assert status(world, "hello") == ""


def test_observing_many_is_one_look_at_the_database(world: World) -> None:
    names = [f"aivp-{number}" for number in range(200)]
    before = world.processes()
    answers = world.driver.observe_many("package", [{"name": name} for name in names])
    assert world.processes() - before < 10
    assert [answer["observation"]["observed"] for answer in answers] == [None] * 200


# --- conffiles ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("policy", "kept"), [("keep", True), ("replace", False)])
def test_a_changed_conffile_is_kept_or_replaced(world: World, policy: str, kept: bool) -> None:
    world.sh("apt-get -y install aivp-probe=1.0 && echo mine > /etc/aivp-probe.conf")
    world.converge("package", name="aivp-probe", version="2.0", conffiles=policy)
    assert (world.host.read("/etc/aivp-probe.conf") == "mine\n") is kept


# --- half-applied ------------------------------------------------------------------------------------------------


def test_what_was_unpacked_only_is_configured_and_not_upgraded(world: World) -> None:
    world.sh("dpkg --unpack /mnt/packages/aivp-probe_1.0_all.deb")
    assert status(world, "aivp-probe") == "install ok unpacked 1.0"
    assert world.changes("package", name="aivp-probe") == {"/state": "present"}
    assert status(world, "aivp-probe") == "install ok installed 1.0"


def test_an_installation_that_was_killed_is_mended(world: World) -> None:
    with subprocess.Popen([*world.host.argv, "apt-get", "-y", "install", "aivp-slow"]) as running:
        while "half-configured" not in status(world, "aivp-slow"):
            time.sleep(0.05)
        world.sh("kill -9 $(pidof -x apt-get dpkg) $(pgrep -f aivp-slow.postinst)", check=False)
        running.wait()
    assert world.changes("package", name="aivp-slow") == {"/state": "present"}
    assert world.host.read("/var/log/aivp-slow").count("end configure") >= 1


def test_an_interrupted_dpkg_of_somebody_else_is_not_in_the_way(world: World) -> None:
    world.sh("dpkg --unpack /mnt/packages/aivp-probe_1.0_all.deb && : > /var/lib/dpkg/updates/0001")
    assert world.converge("package", name="hello").decision.action == "create"


def test_what_was_installed_by_half_is_installed_again_in_its_version(world: World) -> None:
    world.sh(
        "apt-get -y install aivp-probe=1.0 &&"
        " sed -i '/^Package: aivp-probe$/,/^$/s/^Status:.*/Status: install reinstreq half-installed/'"
        " /var/lib/dpkg/status"
    )
    assert world.changes("package", name="aivp-probe") == {"/state": "present"}
    assert status(world, "aivp-probe") == "install ok installed 1.0"


def test_a_package_that_cannot_be_configured_fails_with_its_own_words_and_can_be_removed(world: World) -> None:
    with pytest.raises(Failed, match="aivp-broken: this always fails"):
        world.driver.converge("package", {"name": "aivp-broken"})
    assert world.driver.observe("package", {"name": "aivp-broken"}).observed == {
        "name": "aivp-broken",
        "state": "broken",
    }
    # Another package is not held up by it.
    assert world.converge("package", name="hello").decision.action == "create"
    world.converge("package", name="aivp-broken", state="absent")


# --- other programs ----------------------------------------------------------------------------------------------

_LOCK = """
import fcntl, os, sys, time
lock = os.open("/var/lib/dpkg/lock-frontend", os.O_RDWR)
fcntl.lockf(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize(("held_for", "waits"), [(60, False), (1.5, True)])
def test_a_lock_of_another_program_is_waited_for_with_a_bound(world: World, held_for: float, waits: bool) -> None:
    argv = [*world.host.argv, "python3", "-c", _LOCK, str(held_for)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            if waits:
                world.converge("package", name="hello", lock_timeout="30s")
            else:
                error = world.refused("package", name="hello", lock_timeout=1)
                assert error["class"] == "temporary"
                assert "python3" in error["message"]
        finally:
            other.kill()


def test_nobody_is_asked_and_nothing_but_the_package_is_changed(world: World) -> None:
    before = lab.snapshot(world.host)
    world.converge("package", name="hello")
    changed = world.difference(before)
    assert [line.partition(": ")[0] for line in changed] == ["added package:hello"]
