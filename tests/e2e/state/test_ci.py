"""One project, used from jobs that begin with a fresh clone and from a laptop; state is in PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

from tests.e2e.state.conftest import World


def file(world: World, name: str, content: str = "x") -> str:
    return f"  file.{name}: {{host: lab, path: {world.root}/things/{name}, content: {content}}}\n"


def test_a_job_and_a_laptop(world: World) -> None:
    world.declare(file(world, "a") + world.noted("once"))
    job = world.clone()
    assert not (job / ".aivp").exists()
    world.aivp(job, "apply", "-y")
    laptop = world.clone()
    assert "No changes" in world.aivp(laptop, "plan", "--detailed-exitcode").said
    assert world.ledger == ["once"]

    world.declare(file(world, "a", "y") + world.noted("once"))
    world.git("-C", "job2", "pull", "-q")
    world.aivp(laptop, "plan", "-o", "plan.json")
    reviewed = (laptop / "plan.json").read_bytes()
    job = world.clone()
    world.aivp(job, "plan", "-o", "plan.json")
    assert (job / "plan.json").read_bytes() == reviewed, "the same bytes, whoever plans"
    world.aivp(job, "apply", "plan.json")
    assert (world.root / "things/a").read_text() == "y"
    stale = world.aivp(laptop, "apply", "plan.json", code=4).said
    assert "AIVP0504" in stale
    assert len(world.aivp(world.clone(), "runs", "list", "--json").said.splitlines()) == 2
    (world.root / "things/a").unlink()
    world.aivp(laptop, "drift", code=2)
    world.aivp(laptop, "apply", "-y")
    world.aivp(world.clone(), "destroy", "-y")
    assert world.ledger == ["once"]
    assert world.aivp(laptop, "state", "list").said == "Nothing is managed yet.\n"


def test_a_plan_that_was_reviewed_on_a_laptop_is_applied_by_a_job(world: World) -> None:
    world.declare(file(world, "a"))
    laptop, job = world.clone(), world.clone()
    world.aivp(laptop, "plan", "-o", "plan.json")
    (job / "plan.json").write_bytes((laptop / "plan.json").read_bytes())
    world.aivp(job, "apply", "plan.json")
    (job / "plan.json").write_bytes((laptop / "plan.json").read_bytes() + b" ")
    assert "AIVP0509" in world.aivp(job, "apply", "plan.json", code=4).said


def test_two_at_once(world: World) -> None:
    world.declare(world.gated("slow"))
    first = world.begin(world.clone(), "apply", "-y")
    world.wait(lambda: world.ledger == ["slow"])
    said = world.aivp(world.clone(), "apply", "-y", code=1).said
    assert "AIVP0508" in said or "AIVP0511" in said
    assert "AIVP0511" in world.aivp(world.clone(), "apply", "--resume", code=1).said
    assert "AIVP0511" in world.aivp(world.clone(), "state", "mv", "command.slow@lab", "command.z@lab", code=1).said
    world.open_gate()
    assert world.end(first).code == 0
    assert "No changes" in world.aivp(world.clone(), "apply", "-y").said
    assert world.ledger == ["slow"]


def test_projects_share_a_server_and_hosts_keep_them_apart(world: World) -> None:
    world.declare(file(world, "a"))
    world.aivp(world.clone(), "apply", "-y")
    text = (world.root / "origin/aivp.yaml").read_text().replace("project: shop", "project: other")
    (world.root / "origin/aivp.yaml").write_text(text)
    world.git("-C", "origin", "commit", "-qam", "rename")
    job = world.clone()
    assert world.aivp(job, "state", "list").said == "Nothing is managed yet.\n"
    assert "AIVP0405" in world.aivp(job, "plan", code=1).said, "claimed by the other project"


def test_a_job_with_a_state_of_its_own_is_refused(world: World) -> None:
    """Without a shared state the host's memory is what keeps a fresh clone from doing all of it again."""
    world.declare(world.noted("once"), state="")
    job = world.clone()
    world.aivp(job, "apply", "-y")
    for words in (("plan",), ("apply", "-y"), ("destroy", "-y")):
        assert "AIVP0606" in world.aivp(world.clone(), *words, code=1).said
    world.declare(world.noted("once"))
    assert "AIVP0606" in world.aivp(world.clone(), "apply", "-y", code=1).said, "and the shared one is empty yet"
    world.git("-C", "job1", "pull", "-q")
    assert "AIVP0832" in world.aivp(job, "apply", "-y", code=1).said
    world.aivp(job, "state", "move", "-y")
    assert "No changes" in world.aivp(world.clone(), "apply", "-y").said
    assert world.ledger == ["once"]


def test_plans_do_not_tell_where_state_is(world: World) -> None:
    resources = file(world, "a") + file(world, "b", "'${file.a.path}'")
    world.declare(resources, state="")
    job = world.clone()
    world.aivp(job, "apply", "-y")
    (world.root / "things/a").write_text("drift")
    world.aivp(job, "plan", "-o", "one.json")
    world.aivp(job, "observe", "-o", "one.evidence")
    world.declare(resources)
    world.git("-C", "job1", "pull", "-q")
    world.aivp(job, "state", "move", "-y")
    world.aivp(job, "plan", "-o", "two.json")
    world.aivp(job, "observe", "-o", "two.evidence")
    assert (job / "one.json").read_bytes() == (job / "two.json").read_bytes()
    assert (job / "one.evidence").read_bytes() == (job / "two.evidence").read_bytes()
    assert b"postgres" not in (job / "two.json").read_bytes() + (job / "two.evidence").read_bytes()
    world.aivp(job, "apply", "one.json")


def steps(world: World) -> str:
    names = ("one", "two", "three", "four")
    return "".join(
        world.noted(name, 0.4, f", depends_on: [command.{before}]" if before else "")
        for before, name in zip((None, *names), names, strict=False)
    )


def test_the_link_breaks_in_the_middle_of_an_apply(world: World) -> None:
    world.declare(steps(world))
    job = world.begin(world.clone(), "apply", "-y")
    world.wait(lambda: "two" in world.ledger)
    world.cut()
    ended = world.end(job)
    assert (ended.code, "AIVP0836" in ended.said, "--resume" in ended.said) == (1, True, True), ended
    assert world.ledger != ["one", "two", "three", "four"], "nothing is done that cannot be recorded"
    laptop = world.clone()
    assert "AIVP0508" in world.aivp(laptop, "apply", "-y", code=1).said
    world.aivp(laptop, "apply", "--resume")
    assert world.ledger == ["one", "two", "three", "four"], "each once"
    assert "No changes" in world.aivp(world.clone(), "plan", "--detailed-exitcode").said
    assert "sound" in world.aivp(world.clone(), "state", "check").said


def test_the_server_crashes_in_the_middle_of_an_apply(mortal: World) -> None:
    mortal.declare(steps(mortal))
    job = mortal.begin(mortal.clone(), "apply", "-y")
    mortal.wait(lambda: "two" in mortal.ledger)
    mortal.server.stop(signal.SIGQUIT)
    ended = mortal.end(job)
    assert (ended.code, "AIVP0836" in ended.said) == (1, True), ended
    assert "AIVP0834" in mortal.aivp(mortal.clone(), "apply", "--resume", code=1).said
    mortal.server.start()
    mortal.aivp(mortal.clone(), "apply", "--resume")
    assert mortal.ledger == ["one", "two", "three", "four"]
    assert "No changes" in mortal.aivp(mortal.clone(), "plan", "--detailed-exitcode").said


def test_a_job_that_hangs_is_fenced_by_the_host(world: World) -> None:
    """The server takes it for dead and frees the state; on the host its runner has the lock until it is really gone."""
    world.declare(steps(world) + world.gated("last", ", depends_on: [command.four]"))
    job = world.begin(world.clone(), "apply", "-y")
    world.wait(lambda: "last" in world.ledger)
    os.kill(job.pid, signal.SIGSTOP)
    world.cut()
    assert "AIVP0508" in world.aivp(world.clone(), "apply", "-y", code=1).said
    other = world.begin(world.clone(), "apply", "--resume")
    time.sleep(2)
    world.open_gate()
    time.sleep(2)
    assert other.poll() is None, "it waits at the host"
    os.kill(job.pid, signal.SIGCONT)
    ended = world.end(job)
    assert (ended.code, "AIVP0836" in ended.said) == (1, True), "it wakes up, and cannot record anything any more"
    ended = world.end(other)
    assert ended.code == 0, ended
    assert world.ledger == ["one", "two", "three", "four", "last"], "each once, whoever did it"
    assert "No changes" in world.aivp(world.clone(), "plan", "--detailed-exitcode").said


def test_a_job_that_is_killed_leaves_no_lock(world: World) -> None:
    world.declare(steps(world))
    job = world.begin(world.clone(), "apply", "-y")
    world.wait(lambda: "one" in world.ledger)
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    world.aivp(world.clone(), "apply", "--resume")
    assert world.ledger == ["one", "two", "three", "four"]


def test_a_renamed_object_is_told_to_its_host_once(world: World) -> None:
    world.declare(file(world, "a"))
    world.aivp(world.clone(), "apply", "-y")
    world.aivp(world.clone(), "state", "mv", "file.a@lab", "file.z@lab")
    world.declare(file(world, "a").replace("file.a:", "file.z:"))
    job = world.clone()
    assert "1 to move" in world.aivp(job, "plan", "--detailed-exitcode", code=2).said
    world.aivp(job, "apply", "-y")
    assert "No changes" in world.aivp(world.clone(), "plan", "--detailed-exitcode").said
    (item,) = [json.loads(line) for line in world.aivp(job, "state", "list", "--json").said.splitlines()]
    assert (item["address"], "registered" in item) == ("file.z@lab", False)
    world.aivp(job, "state", "rebuild", "-y")
    (item,) = [json.loads(line) for line in world.aivp(job, "state", "list", "--json").said.splitlines()]
    assert item["address"] == "file.z@lab", "so its host knows it"


def test_a_strangers_project_chooses_no_server(world: World) -> None:
    world.declare(file(world, "a"))
    job = world.clone()
    assert "AIVP0846" in world.aivp(job, "plan", "--untrusted", code=1).said
    assert "AIVP0846" in world.aivp(job, "state", "list", "--untrusted", code=1).said
    world.aivp(job, "validate", "--untrusted")
    world.declare(file(world, "a"), state=f"state: {{sqlite: {world.root}/elsewhere}}")
    assert "AIVP0846" in world.aivp(world.clone(), "plan", "--untrusted", code=1).said


def test_no_password_is_left_anywhere(world: World) -> None:
    """In no file of project and host, and in no process's environment that runs what the project says."""
    script = f"env > {world.root}/things/environ"
    world.declare(f"  command.env: {{host: lab, argv: [sh, -c, '{script}']}}\n")
    job = world.clone()
    world.aivp(job, "apply", "-y")
    world.aivp(job, "state", "backup", "copy.json")
    found = subprocess.run(
        ["grep", "-rl", world.login["PGPASSWORD"], str(world.root)], capture_output=True, text=True, check=False
    )
    assert found.stdout == ""
    assert (world.root / "things/environ").exists()
