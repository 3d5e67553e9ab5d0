"""The way of a change through the workflows of examples/ci/github, and what a stranger may try on it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.e2e.ci.conftest import PASSWORD, World, digest


def proposed(world: World, old: str = '"one\\n"', new: str = '"two\\n"') -> str:
    """A pull request that is planned and commented; its commit."""
    sha = world.propose(1, old, new)
    job = world.plan(1, sha)
    assert job.result == "success", job.log
    job = world.comment(sha, world.runner.runs)
    assert job.result == "success", job.log
    return sha


def refused(world: World, why: str) -> None:
    """An apply that ends before anybody is asked to approve."""
    before = {path.name: path.read_bytes() for path in world.things.iterdir()}
    done = world.apply()
    assert (done["plan"].result, done["apply"].result) == ("failure", "skipped"), done["plan"].log
    assert why in done["plan"].log + done["plan"].summary, done["plan"].log
    assert {path.name: path.read_bytes() for path in world.things.iterdir()} == before


def test_the_first_apply_is_approved_by_its_digest(world: World) -> None:
    live = world.apply()["plan"]
    assert (live.result, "No plan was reviewed" in live.log) == ("failure", True), "nobody reviewed the first one"
    done = world.apply(live.outputs["digest"])
    assert (done["plan"].result, done["apply"].result) == ("success", "success"), done["plan"].log + done["apply"].log
    assert (world.things / "motd").read_text() == "one\n"
    assert world.record().result == "success"
    assert "evidence" in world.forge.git(world.forge.origin, "show", "--stat", "aivp-evidence")


def test_from_a_strangers_pull_request_to_the_hosts(going: World) -> None:
    proposed(going)
    (comment,) = going.forge.read("comments")
    shown = going.plan_in(len(going.forge.read("artifacts")))
    assert [(step["action"], step["address"]) for step in shown["steps"]] == [("update", "file.motd@lab")]
    assert comment["number"] == 1
    assert digest(going.body(len(going.forge.read("artifacts")))) in comment["body"]
    going.merge(1)
    done = going.apply()
    assert (done["plan"].result, done["apply"].result) == ("success", "success"), done["plan"].log + done["apply"].log
    assert "file.motd@lab" in done["plan"].summary
    assert "1 done" in done["apply"].summary
    assert (going.things / "motd").read_text() == "two\n"
    again = going.apply()
    assert (again["plan"].outputs["code"], again["apply"].result) == ("0", "skipped"), "nothing to do"


def test_what_is_new_is_planned_and_applied_too(going: World) -> None:
    """Nobody has looked at it when the plan is shown; that it is not there is what the live plan must find."""
    new = f"  command.c: {{argv: [touch, {going.things}/made], creates: {going.things}/made}}\n"
    new += f"  file.new: {{path: {going.things}/new, content: new}}\n"
    proposed(going, "resources:\n", "resources:\n" + new)
    assert "nobody looked" in going.forge.read("comments")[-1]["body"]
    going.merge(1)
    done = going.apply()
    assert (done["plan"].result, done["apply"].result) == ("success", "success"), done["plan"].log + done["apply"].log
    assert sorted(path.name for path in going.things.iterdir()) == ["conf", "made", "motd", "new"]


def test_what_was_to_be_new_and_is_there_already_stops_it(going: World) -> None:
    (going.things / "new").write_text("somebody else's")
    proposed(going, "resources:\n", f"resources:\n  file.new: {{path: {going.things}/new, content: new}}\n")
    going.merge(1)
    refused(going, "file.new@lab")


def test_drift_is_recorded_and_makes_the_job_fail(going: World) -> None:
    (going.things / "motd").write_text("by hand\n")
    job = going.record()
    assert (job.result, "file.motd@lab" in job.summary) == ("failure", True), job.log
    evidence = json.loads(going.forge.git(going.forge.origin, "show", "aivp-evidence:evidence.json"))
    assert evidence["seen"]["file.motd@lab"]["observation"]["observed"]["content"] == "by hand\n"
    assert going.forge.git(going.forge.origin, "rev-list", "--count", "aivp-evidence") == "1", "without a history"


def test_no_secret_gets_out(going: World) -> None:
    proposed(going)
    going.merge(1)
    done = going.apply()
    texts = [json.dumps(going.forge.read("comments")), *(job.log + job.summary for job in done.values())]
    bodies = [going.body(item["id"]) for item in going.forge.read("artifacts")]
    bodies.append(going.forge.git(going.forge.origin, "show", "aivp-evidence:evidence.json").encode())
    for body in [*bodies, *(text.encode() for text in texts)]:
        assert PASSWORD.encode() not in body
        assert going.runner.secrets["PGPASSWORD"].encode() not in body


def test_a_strangers_job_starts_nothing_and_goes_nowhere(going: World) -> None:
    """Whatever the pull request names: a channel, a guard, a source of secrets, a server of states."""
    traps = {name: going.root / f"trap-{name}" for name in ("channel", "guard", "source")}
    text = (going.work / "aivp.yaml").read_text()
    text = text.replace(str(going.server.folder), "192.0.2.1")
    text = text.replace("{env: DB_PASSWORD}", f"{{command: [touch, {traps['source']}]}}")
    text = text.replace("hosts: {", f"hosts: {{evil: {{transport: exec, command: [touch, {traps['channel']}]}}, ")
    text = text.replace("path:", "host: lab, path:")
    text += f"  command.c: {{host: lab, argv: ['true'], unless: [touch, {traps['guard']}]}}\n"
    text += "  file.there: {host: evil, path: /there, content: x}\n"
    sha = going.propose(1, (going.work / "aivp.yaml").read_text(), text)
    job = going.plan(1, sha)
    assert job.result == "success", job.log
    assert [name for name, path in traps.items() if path.exists()] == []
    assert "command.c@lab" in job.summary
    assert (going.things / "motd").read_text() == "one\n"


def test_a_declaration_with_a_mistake_ends_the_strangers_job(going: World) -> None:
    sha = going.propose(1, "content:", "contents:")
    job = going.plan(1, sha)
    assert (job.result, "aivp.yaml:7" in job.log) == ("failure", True), job.log
    assert going.comment(sha, going.runner.runs, conclusion="failure").result == "skipped"


def test_another_plan_than_that_of_the_code_is_found_out_before_anything_is_applied(going: World) -> None:
    """The reviewers saw a harmless plan; what was merged does more."""
    proposed(going)
    harmless = going.body(len(going.forge.read("artifacts")))
    sha = going.propose(2, '"one\\n"', '"three\\n"')
    run = going.stranger_uploads("plan", {"plan.json": harmless}, sha)
    assert going.comment(sha, run).result == "success"
    going.merge(2)
    refused(going, "three")


def test_a_plan_that_a_stranger_calls_reviewed_is_not_taken(going: World) -> None:
    sha = going.propose(1, '"one\\n"', '"two\\n"')
    job = going.plan(1, sha)
    assert job.result == "success", job.log
    plan = going.body(len(going.forge.read("artifacts")))
    going.stranger_uploads(f"reviewed-{sha}", {"shown.json": plan}, sha)
    going.stranger_uploads(f"reviewed-{sha}", {"shown.json": plan}, sha, head_repository_id=17, head_branch="eve")
    going.merge(1)
    refused(going, "No plan was reviewed")


def test_what_is_shown_after_the_review_does_not_count(going: World) -> None:
    """A harmless plan until somebody has approved; then the same job again, which tells the truth."""
    proposed(going)
    harmless = going.body(len(going.forge.read("artifacts")))
    sha = going.propose(2, '"one\\n"', '"three\\n"')
    assert going.comment(sha, going.stranger_uploads("plan", {"plan.json": harmless}, sha)).result == "success"
    assert going.plan(2, sha).result == "success"
    assert going.comment(sha, going.runner.runs).result == "success"
    for _ in range(31):
        going.stranger_uploads(f"reviewed-{sha}", {"shown.json": b"{}"}, sha)
    going.merge(2)
    refused(going, "three")


def test_a_plan_for_another_commit_is_not_commented(going: World) -> None:
    """A push between the plan and its comment, or a run that claims another one's pull request."""
    sha = going.propose(1, '"one\\n"', '"two\\n"')
    going.plan(1, sha)
    run = going.runner.runs
    going.propose(1, '"one\\n"', '"three\\n"')
    assert going.comment(sha, run).result == "success"
    assert going.forge.read("comments") == []
    assert going.comment("0" * 40, run).result == "success"
    assert going.forge.read("comments") == []


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"plan.json": b"{}"}, id="no-plan"),
        pytest.param({"plan.json": b"\x00\xff" * 100}, id="bytes"),
        pytest.param({"../../plan.json": b"{}", "other": b""}, id="other-files"),
        pytest.param({"plan.json": b'"' + b"A" * (40 << 20) + b'"'}, id="too-large"),
    ],
)
def test_an_artifact_that_is_no_plan_is_not_commented(going: World, files: dict[str, bytes]) -> None:
    sha = going.propose(1, '"one\\n"', '"two\\n"')
    run = going.stranger_uploads("plan", files, sha)
    job = going.comment(sha, run)
    assert (job.result, "Traceback" in job.log) == ("failure", False), job.log
    assert going.forge.read("comments") == []
    sizes = [path.stat().st_size for path in Path(going.root / "runners").rglob("shown.json")]
    assert max(sizes, default=0) <= 8 << 20


def test_what_a_stranger_writes_into_a_plan_is_shown_as_text(going: World) -> None:
    proposed(going)
    plan = going.plan_in(len(going.forge.read("artifacts")))
    evil = "</details><img src=x onerror=alert(1)>\n```\n# Approved by @admin [click](https://evil.example.com)\u202e"
    plan["steps"][0]["reason"] = evil
    plan["notes"] = [evil]
    plan["steps"][0]["changes"][0]["after"] = evil
    sha = going.propose(2, '"one\\n"', '"two\\n"')
    body = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    job = going.comment(sha, going.stranger_uploads("plan", {"plan.json": body}, sha))
    assert job.result == "success", job.log
    said = going.forge.read("comments")[-1]["body"]
    assert "\u202e" not in said
    found = [token for block in MarkdownIt().parse(said) for token in (block, *(block.children or ()))]
    kinds = {token.type for token in found}
    assert not kinds & {"image", "link_open"}, said
    html = {token.content.strip() for token in found if token.type in ("html_block", "html_inline")}
    assert all(re.fullmatch(r"<!--[^>]*-->|</?(details|summary|code)[ a-z]*>.*", text) for text in html), html
    assert not any("<img" in text for text in html)
    headings = [token.map[0] for token in found if token.type == "heading_open"]
    assert [said.splitlines()[line] for line in headings] == ["### Plan for `shop/main`"]


def test_a_large_plan_fits_into_a_comment(going: World) -> None:
    more = ["mode: '0600'", "owner: root", "group: root", "backup: true", "create_parents: true", "force: true"]
    files = ""
    for n in range(64):  # no two of them alike, which would be told once
        fields = [text for bit, text in enumerate(more) if n >> bit & 1]
        content = json.dumps("\n".join(f"{n} {line} " * 10 for line in range(50)))
        files += f"  file.n{n}: {{{', '.join([f'path: {going.things}/n{n}', f'content: {content}', *fields])}}}\n"
    proposed(going, "resources:\n", "resources:\n" + files)
    said = going.forge.read("comments")[-1]["body"]
    assert len(said) <= 65_536
    assert digest(going.body(len(going.forge.read("artifacts")))) in said[-500:]


def test_a_plan_that_is_swapped_while_somebody_approves_is_refused(going: World) -> None:
    proposed(going)
    going.merge(1)

    def swap(job: str) -> None:
        if job == "apply":
            item = going.forge.read("artifacts")[-1]
            assert item["name"] == "live"
            plan = going.plan_in(item["id"])
            plan["steps"][0]["config"]["content"] = "swapped\n"
            body = json.dumps(plan, sort_keys=True, separators=(",", ":")).encode()
            going.forge.upload("live", {"live.json": body}, item["workflow_run"])

    going.runner.before_job = swap
    done = going.apply()
    assert (done["plan"].result, done["apply"].result) == ("success", "failure")
    assert "AIVP0509" in done["apply"].log
    assert (going.things / "motd").read_text() == "one\n"


def test_hosts_that_changed_since_the_review_stop_it(going: World) -> None:
    proposed(going)
    going.merge(1)
    (going.things / "motd").write_text("by hand\n")
    refused(going, "by hand")
    live = going.apply()["plan"].outputs["digest"]
    done = going.apply(live)
    assert done["apply"].result == "success", "somebody has read it, and named its digest"
    assert (going.things / "motd").read_text() == "two\n"
    assert going.apply("0" * 64)["plan"].outputs["code"] == "0"


def test_an_approved_digest_is_of_one_plan(going: World) -> None:
    (going.things / "motd").write_text("by hand\n")
    done = going.apply("0" * 64)
    assert (done["plan"].result, done["apply"].result) == ("failure", "skipped")


def test_a_host_that_changes_while_somebody_approves_stops_the_apply(going: World) -> None:
    proposed(going)
    going.merge(1)
    going.runner.before_job = lambda job: job == "apply" and (going.things / "motd").write_text("by hand\n")
    done = going.apply()
    assert (done["plan"].result, done["apply"].result) == ("success", "failure"), done["apply"].log
    assert (going.things / "motd").read_text() == "by hand\n"
