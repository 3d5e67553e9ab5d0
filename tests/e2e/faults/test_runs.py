"""Runs that meet each other, are interrupted, fail, or find another world than was planned for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.e2e.faults.projects import gate, note, project
from tests.e2e.faults.world import PATIENCE, World


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def begin(world: World, *arguments: str, line: str = "slow") -> subprocess.Popen[str]:
    """Start an apply and return once its command `line` is at work."""
    process = world.start("apply", "-y", *arguments, start_new_session=True)
    until(lambda: line in world.lines() or process.poll() is not None)
    assert process.poll() is None, end(process)
    return process


def open_gate(world: World) -> None:
    (world.root / "open").touch()


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    text, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, text


# --- Two at once -------------------------------------------------------------------------------------------------


LOCKED = """\
Nothing was changed.
error[AIVP0604]: Host is locked
  Another apply is at work on here.
  Wait for it to end, then try again.

More about it: aivp explain AIVP0604
"""
OTHERS = """\
error[AIVP0606]: Host follows another state
  here remembers resources of this project and environment that this state does not know.
  Use the checkout that holds their state. If it is lost for good: aivp state rebuild.

More about it: aivp explain AIVP0606
"""


def test_two_clones_one_host(world: World) -> None:
    """The second one is refused by the lock while the first one applies, and by its lineage for ever after."""
    world.declare(project(gate("slow")))
    clone = world.root / "clone"
    shutil.copytree(world.project, clone)
    first = begin(world)
    locked = world.aivp("apply", "-y", "-C", str(clone))
    assert (locked.code, locked.text[-len(LOCKED) :]) == (1, LOCKED), locked.text
    open_gate(world)
    assert end(first)[0] == 0
    for arguments in (["apply", "-y"], ["plan"], ["destroy", "-y"], ["drift"]):
        refused = world.aivp(*arguments, "-C", str(clone))
        assert (refused.code, refused.text) == (1, OTHERS), (arguments, refused.text)
    assert world.lines() == ["slow", "slow-ended"]
    assert world.aivp("plan", "--detailed-exitcode").code == 0


def test_two_clones_that_planned_before_either_applied(world: World) -> None:
    """A plan that was fine when it was made does not get round the lineage."""
    world.declare(project(note("once")))
    clone = world.root / "clone"
    shutil.copytree(world.project, clone)
    world.succeed("plan", "-o", "ours.json")
    world.succeed("plan", "-o", "theirs.json", "-C", str(clone))
    world.succeed("apply", "ours.json")
    refused = world.aivp("apply", "theirs.json", "-C", str(clone))
    assert (refused.code, "error[AIVP0606]: Host follows another state" in refused.text) == (1, True), refused.text
    assert world.lines() == ["once"]


def test_a_rebuilt_state_fences_the_one_that_it_took_over_from(world: World) -> None:
    world.declare(project(note("once")))
    clone = world.root / "clone"
    shutil.copytree(world.project, clone)
    world.succeed("apply", "-y")
    world.succeed("state", "rebuild", "-y", "-C", str(clone))
    refused = world.aivp("apply", "-y")
    assert (refused.code, refused.text) == (1, OTHERS), refused.text
    assert world.aivp("plan", "--detailed-exitcode", "-C", str(clone)).code == 0
    assert world.lines() == ["once"]


def test_two_applies_in_one_checkout(world: World) -> None:
    world.declare(project(gate("slow")))
    first = begin(world)
    for arguments in (["apply", "-y"], ["destroy", "-y"]):
        refused = world.aivp(*arguments)
        assert (refused.code, "AIVP0508" in refused.text) == (1, True), refused.text
    for arguments in (["apply", "--resume"], ["runs", "abandon"], ["state", "rebuild", "-y"]):
        refused = world.aivp(*arguments)
        assert (refused.code, "AIVP0511" in refused.text) == (1, True), refused.text
    open_gate(world)
    assert end(first)[0] == 0


# --- Drift and lost states ---------------------------------------------------------------------------------------


def test_the_same_drift_is_mended_twice(world: World) -> None:
    world.declare(project('file.a: {path: "${var.root}/target/a", content: "as declared"}'))
    world.succeed("apply", "-y")
    plans = []
    for _ in range(2):
        (world.target / "a").write_text("by hand")
        world.succeed("plan", "-o", "plan.json")
        plans.append([step["id"] for step in json.loads((world.project / "plan.json").read_text())["steps"]])
        world.succeed("apply", "plan.json")
        assert (world.target / "a").read_text() == "as declared"
    assert plans[0] == plans[1] == ["update:file.a@here"]


def test_a_lost_state_is_rebuilt_with_its_provenance(world: World) -> None:
    (world.target / "there").write_text("before us\n")
    world.declare(
        project(
            f"""
            file.made: {{path: "${{var.root}}/target/made", content: "ours"}}
            file.there: {{path: "${{var.root}}/target/there", content: "before us\\n"}}
            {note("once")}
            """
        )
    )
    world.succeed("apply", "-y")
    shutil.rmtree(world.project / ".aivp")
    for command in ("plan", "apply", "destroy"):
        refused = world.aivp(command, *([] if command == "plan" else ["-y"]))
        assert (refused.code, "AIVP0606" in refused.text, "state rebuild" in refused.text) == (1, True, True), (
            refused.text
        )
    world.succeed("state", "rebuild", "-y")
    world.check_provenance()
    assert world.aivp("plan", "--detailed-exitcode").code == 0
    world.succeed("apply", "-y")
    assert world.lines() == ["once"]
    world.succeed("destroy", "-y")
    assert sorted(path.name for path in world.target.iterdir()) == ["there"]


def test_a_rebuild_that_breaks_off_leaves_a_lost_state_not_an_empty_one(world: World) -> None:
    world.declare(project(note("once")))
    world.succeed("apply", "-y")
    shutil.rmtree(world.project / ".aivp")
    (world.host / "lock").unlink()
    (world.host / "lock").mkdir()  # what the host is asked last cannot be done
    assert world.aivp("state", "rebuild", "-y").code == 1
    (world.host / "lock").rmdir()
    refused = world.aivp("apply", "-y")
    assert "AIVP0606" in refused.text, refused.text
    world.succeed("state", "rebuild", "-y")
    world.succeed("apply", "-y")
    assert world.lines() == ["once"]


@pytest.mark.parametrize("text", ["as declared\n", "theirs\n"])
def test_a_renamed_thing_takes_over_what_is_there_without_making_it(world: World, text: str) -> None:
    declaration = 'file.a: {{path: "${{var.root}}/target/{}", content: "as declared\\n"}}'
    world.declare(project(declaration.format("old")))
    world.succeed("apply", "-y")
    there = world.target / "new"
    there.write_text(text)
    world.declare(project(declaration.format("new")))
    planned = world.succeed("plan")
    assert "- file.a@here: replaced because path changed" in planned
    assert "managed from now on" in planned
    assert "create" not in planned
    world.succeed("apply", "-y")
    assert (there.read_text(), [path.name for path in world.target.iterdir()]) == ("as declared\n", ["new"])
    world.check_provenance()
    world.succeed("destroy", "-y")
    assert there.exists(), "it was there before us"


# --- Interrupted -------------------------------------------------------------------------------------------------


def test_ctrl_c_once_finishes_the_step_in_hand(world: World) -> None:
    world.declare(project(f"{gate('slow')}\n{note('zlater')}"))
    process = begin(world)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    open_gate(world)
    code, text = end(process)
    assert code == 130, text
    assert world.lines() == ["slow", "slow-ended"]
    refused = world.aivp("apply", "-y")
    assert (refused.code, "AIVP0508" in refused.text) == (1, True), refused.text
    world.succeed("apply", "--resume")
    assert world.lines() == ["slow", "slow-ended", "zlater"]
    assert world.aivp("apply", "--resume").text.startswith("error[AIVP0510]")


def test_ctrl_c_twice_stops_at_once_and_the_command_goes_on(world: World) -> None:
    world.declare(project(f"{gate('slow')}\n{note('zlater')}"))
    process = begin(world)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    code, text = end(process)
    assert code == 130, text
    assert world.lines() == ["slow"]
    open_gate(world)
    world.succeed("apply", "--resume")
    assert world.lines() == ["slow", "slow-ended", "zlater"]
    world.await_quiet()


def test_abandon_settles_what_was_begun_and_starts_nothing(world: World) -> None:
    world.declare(project(f"{gate('slow')}\n{note('zlater')}"))
    process = begin(world)
    process.kill()
    end(process)
    open_gate(world)
    world.succeed("runs", "abandon")
    assert world.lines() == ["slow", "slow-ended"]
    assert "No run is open" in world.succeed("runs", "abandon")
    world.succeed("apply", "-y")
    assert world.lines() == ["slow", "slow-ended", "zlater"]


def test_a_resume_right_after_a_kill_waits_for_the_step_in_hand(world: World) -> None:
    world.declare(project(f"{gate('slow')}\n{note('zlater')}"))
    process = begin(world)
    process.kill()
    end(process)
    resumed = world.start("apply", "--resume")
    time.sleep(0.5)
    assert resumed.poll() is None, resumed.communicate()
    open_gate(world)
    assert end(resumed)[0] == 0
    assert world.lines() == ["slow", "slow-ended", "zlater"]


# --- Failing steps -----------------------------------------------------------------------------------------------


def test_dependents_of_a_failed_step_wait_and_a_resume_goes_on(world: World) -> None:
    fail = '; test -e "${var.root}/mended"'
    world.declare(
        project(
            "\n".join(
                (
                    note("fails", after=fail),
                    note("needs", more=", depends_on: [command.fails]"),
                    note("other"),
                )
            )
        )
    )
    failed = world.aivp("apply", "-y")
    assert failed.code == 5, failed.text
    assert sorted(world.lines()) == ["fails", "other"]
    again = world.aivp("apply", "--resume")
    assert again.code == 5, again.text
    assert sorted(world.lines()) == ["fails", "fails", "other"]
    (world.root / "mended").touch()
    world.succeed("apply", "--resume")
    assert sorted(world.lines()) == ["fails", "fails", "fails", "needs", "other"]
    assert world.aivp("plan", "--detailed-exitcode").code == 0


def test_a_failed_run_stands_in_nobodys_way(world: World) -> None:
    world.declare(project(note("fails", after="; false")))
    assert world.aivp("apply", "-y").code == 5
    world.declare(project(note("fails", after="; true")))
    world.succeed("apply", "-y")
    assert world.lines() == ["fails", "fails"]
    world.check_provenance()


def test_retries_are_new_attempts_and_bounded(world: World) -> None:
    third = '; test "$(grep -c tries "${var.root}/ledger")" -ge 3'
    world.declare(project(note("tries", after=third, more=", meta: {retries: 2}")))
    world.succeed("apply", "-y")
    assert world.lines() == ["tries"] * 3
    world.ledger.write_text("")
    world.declare(project(note("more", after="; false", more=", meta: {retries: 1}")))
    assert world.aivp("apply", "-y").code == 5
    assert world.lines() == ["more"] * 2


def test_meta_timeout_stops_an_effect_without_one_of_its_own(world: World) -> None:
    world.declare(project(note("hangs", after="; sleep 600", more=", meta: {timeout: 1s}")))
    failed = world.aivp("apply", "-y")
    assert failed.code == 5, failed.text
    world.await_quiet()


@pytest.mark.parametrize(
    ("policy", "code", "expected"),
    [("fail", 5, ["slow"]), ("retry", 0, ["slow", "slow", "slow-ended"]), ("accept", 0, ["slow"])],
)
def test_a_dead_shim_leaves_the_outcome_to_on_interrupt(
    world: World, policy: str, code: int, expected: list[str]
) -> None:
    world.declare(project(gate("slow", more=f", meta: {{on_interrupt: {policy}}}")))
    process = begin(world)
    process.kill()
    kill_everything(world)
    end(process)
    open_gate(world)
    resumed = world.aivp("apply", "--resume")
    assert resumed.code == code, resumed.text
    assert world.lines() == expected
    if policy == "fail":
        world.succeed("apply", "--resume")  # somebody looked and decided
        assert world.lines() == ["slow", "slow", "slow-ended"]


def kill_everything(world: World) -> None:
    """As a power cut would: shim and command too, and no one of them has time to say anything."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in world.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
    world.await_quiet()


# --- Plans that no longer fit ------------------------------------------------------------------------------------


@pytest.fixture
def planned(world: World) -> World:
    world.declare(
        project(
            f"""
            file.a: {{path: "${{var.root}}/target/a", content: "new"}}
            {note("runs")}
            """
        )
    )
    (world.target / "a").write_text("old")
    world.succeed("plan", "-o", "plan.json")
    return world


def assert_refused(world: World, code: str, *arguments: str, exit_code: int = 4) -> None:
    refused = world.aivp("apply", *arguments)
    assert (refused.code, code in refused.text) == (exit_code, True), refused.text
    assert world.lines() == []
    assert (world.target / "a").read_text() != "new"


def test_a_changed_world_is_refused_without_any_effect(planned: World) -> None:
    (planned.target / "a").write_text("by hand")
    assert_refused(planned, "AIVP0501", "plan.json")
    planned.succeed("apply", "-y")
    assert planned.lines() == ["runs"]


def test_a_tampered_plan_is_refused(planned: World) -> None:
    path = planned.project / "plan.json"
    body = path.read_bytes()
    path.write_bytes(body.replace(b'"new"', b'"bad"'))
    assert_refused(planned, "AIVP0509", "plan.json")
    path.write_bytes(body[:-1])
    assert_refused(planned, "AIVP0505", "plan.json")
    path.write_bytes(b"\0" * 100)
    assert_refused(planned, "AIVP0505", "plan.json")


def test_a_plan_that_was_not_made_here_needs_its_digest(planned: World) -> None:
    body = (planned.project / "plan.json").read_bytes()
    shutil.rmtree(planned.project / ".aivp")
    assert_refused(planned, "AIVP0509", "plan.json")
    assert_refused(planned, "AIVP0509", "--digest", "sha256:" + "0" * 64, "plan.json")
    import hashlib

    planned.succeed("apply", "--digest", "sha256:" + hashlib.sha256(body).hexdigest(), "plan.json")
    assert planned.lines() == ["runs"]


def test_a_plan_of_another_environment_is_refused(planned: World) -> None:
    text = (planned.project / "aivp.yaml").read_text()
    planned.declare(text + "environments: {dev: {}, prod: {}}\n")
    planned.succeed("plan", "-e", "dev", "-o", "dev.json")
    import hashlib

    digest = hashlib.sha256((planned.project / "dev.json").read_bytes()).hexdigest()
    assert_refused(planned, "AIVP0506", "-e", "prod", "--digest", digest, "dev.json")


def test_a_plan_from_before_another_apply_is_refused(planned: World) -> None:
    planned.succeed("apply", "-y", "--target", "command.runs")
    planned.ledger.write_text("")
    assert_refused(planned, "AIVP0504", "plan.json")


def test_a_file_that_an_earlier_step_wrote_to_is_not_deleted(world: World) -> None:
    """Nobody reviewed what is in it now; the rest of the plan is applied, and the next one shows it."""
    file = 'file.a: {path: "${var.root}/target/a", content: "ours"}'
    world.declare(project(file))
    world.succeed("apply", "-y")
    world.declare(project(note("writes", after='; echo precious > "${var.root}/target/a"')))
    failed = world.aivp("apply", "-y")
    assert (failed.code, "so it is not deleted" in failed.text) == (5, True), failed.text
    assert (world.target / "a").read_text() == "precious\n"
    assert world.lines() == ["writes"]
    assert "delete" in world.succeed("plan")
    world.succeed("apply", "-y")
    assert not (world.target / "a").exists()


def test_a_file_that_an_earlier_step_took_away_counts_as_deleted(world: World) -> None:
    world.declare(project('file.a: {path: "${var.root}/target/a", content: "ours"}'))
    world.succeed("apply", "-y")
    world.declare(project(note("takes", after='; rm "${var.root}/target/a"')))
    world.succeed("apply", "-y")
    assert world.aivp("plan", "--detailed-exitcode").code == 0
    world.check_provenance()


def test_the_old_half_of_a_replacement_is_not_deleted_either(world: World) -> None:
    """The identity changes, so the old file goes just before the new one comes; a command before it wrote to it."""
    world.declare(project('file.a: {path: "${var.root}/target/old", content: "ours"}'))
    world.succeed("apply", "-y")
    writes = note("writes", after='; echo precious > "${var.root}/target/old"')
    moved = 'file.a: {path: "${var.root}/target/new", content: "ours", depends_on: [command.writes]}'
    world.declare(project(f"{writes}\n{moved}"))
    failed = world.aivp("apply", "-y")
    assert (failed.code, "so it is not deleted" in failed.text) == (5, True), failed.text
    assert (world.target / "old").read_text() == "precious\n"
    assert not (world.target / "new").exists()


def test_a_tree_with_rules_is_destroyed_in_one_go(world: World) -> None:
    """What goes first changes what is seen of the directory that goes after it; that is no hand of a stranger."""
    world.declare(
        project(
            """
            file.tree: {path: "${var.root}/target/tree", state: directory, recurse: true, file_mode: "0644"}
            file.in: {path: "${var.root}/target/tree/in", content: "x", mode: "0600"}
            """
        )
    )
    world.aivp("apply", "-y")
    world.succeed("destroy", "-y")
    assert list(world.target.iterdir()) == []
