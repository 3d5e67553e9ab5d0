"""The same way through examples/ci/gitlab: a fork's pipeline without variables, the protected branch's with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.ci.conftest import PASSWORD, World, digest
from tests.e2e.ci.gitlab import Done, Runner

TOKEN = "the-token-of-the-bot"


@pytest.fixture
def lab(going: World) -> Runner:
    (going.root / "key").write_text("the key")
    files = {name: str(going.root / "key") for name in ("AIVP_SSH_KEY", "AIVP_KNOWN_HOSTS")}
    login = {name: going.runner.secrets[name] for name in ("PGUSER", "PGPASSWORD")}
    (going.root / "forge/pipelines.json").write_text("[]")
    return Runner(going.forge, going.runner.environ, {"AIVP_TOKEN": TOKEN, **login, **files})


def proposed(world: World, lab: Runner, number: int = 1, plan: bytes | None = None) -> Done:
    """A merge request from a fork, with what its pipeline left behind, or says to have; and the trusted job on it."""
    sha = world.propose(number, '"one\\n"', '"two\\n"')
    done = lab.run("plan", sha, "merge_request_event", is_trusted=False)
    assert done.code == 0, done.log
    body = (done.folder / "plan.json").read_bytes() if plan is None else plan
    (world.root / f"forge/plan-{number}.json").write_bytes(body)
    pipelines = json.loads((world.root / "forge/pipelines.json").read_text())
    pipelines.append({"number": number, "id": number, "project_id": 99, "sha": sha, "status": "success"})
    (world.root / "forge/pipelines.json").write_text(json.dumps(pipelines))
    done = lab.run("comment", world.main, "schedule")
    assert done.code == 0, done.log
    return done


def live(world: World, lab: Runner, code: int = 0, **variables: str) -> Done:
    done = lab.run("live", world.main, "web" if variables else "push", variables=variables)
    assert done.code == code, done.log
    return done


def apply(world: World, lab: Runner, before: Done, code: int = 0, body: bytes | None = None) -> Done:
    body = (before.folder / "live.json").read_bytes() if body is None else body
    done = lab.run("apply", world.main, "push", files={"live.json": body}, variables=before.report)
    assert done.code == code, done.log
    return done


def test_from_a_forks_merge_request_to_the_hosts(going: World, lab: Runner) -> None:
    proposed(going, lab)
    (note,) = going.forge.read("comments")
    assert digest((going.root / "forge/plan-1.json").read_bytes()) in note["body"]
    assert lab.run("comment", going.main, "schedule").code == 0
    assert len(going.forge.read("comments")) == 1, "once for each commit"
    going.merge(1)
    planned = live(going, lab)
    done = apply(going, lab, planned)
    assert (going.things / "motd").read_text() == "two\n"
    assert apply(going, lab, live(going, lab)).code == 0, "nothing to do"
    for text in (planned.log, done.log, note["body"]):
        assert not any(secret in text for secret in (PASSWORD, TOKEN, lab.protected["PGPASSWORD"]))


def test_evidence_is_recorded_and_drift_told(going: World, lab: Runner) -> None:
    assert lab.run("record", going.main, "schedule").code == 0
    (going.things / "motd").write_text("by hand\n")
    done = lab.run("record", going.main, "schedule")
    assert (done.code, "file.motd@lab" in done.log) == (2, True), done.log
    assert "by hand" in going.forge.git(going.forge.origin, "show", "aivp-evidence:evidence.json")


def test_what_was_not_reviewed_needs_its_digest(going: World, lab: Runner) -> None:
    going.propose(1, '"one\\n"', '"two\\n"')
    going.merge(1)
    done = live(going, lab, code=1)
    assert "No plan was reviewed" in done.log
    live(going, lab, code=1, APPROVED="0" * 64)
    apply(going, lab, live(going, lab, APPROVED="sha256:" + done.report["DIGEST"]))
    assert (going.things / "motd").read_text() == "two\n"


def test_a_forks_pipeline_that_lies_is_found_out(going: World, lab: Runner) -> None:
    sha = going.propose(3, '"one\\n"', '"harmless\\n"')
    harmless = lab.run("plan", sha, "merge_request_event", is_trusted=False)
    proposed(going, lab, plan=(harmless.folder / "plan.json").read_bytes())
    assert len(going.forge.read("comments")) == 1
    going.merge(1)
    live(going, lab, code=2)


@pytest.mark.parametrize(
    "body", [b"{}", b"\x00\xff", b'"' + b"A" * (9 << 20) + b'"'], ids=["no-plan", "bytes", "too-large"]
)
def test_what_is_no_plan_is_not_shown(going: World, lab: Runner, body: bytes) -> None:
    done = proposed(going, lab, plan=body)
    assert "Traceback" not in done.log
    assert going.forge.read("comments") == []
    assert max(path.stat().st_size for path in Path(done.folder).iterdir() if path.is_file()) <= 8 << 20


def test_a_plan_that_is_swapped_between_jobs_is_refused(going: World, lab: Runner) -> None:
    proposed(going, lab)
    going.merge(1)
    planned = live(going, lab)
    body = (planned.folder / "live.json").read_bytes().replace(b"two", b"six")
    assert "AIVP0509" in apply(going, lab, planned, code=4, body=body).log
    assert (going.things / "motd").read_text() == "one\n"
