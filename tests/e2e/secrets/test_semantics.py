"""What plans and applies do when a secret changes, is missing, or has a new version."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.e2e.secrets.matrix import more
from tests.e2e.secrets.planted import make
from tests.e2e.secrets.world import World, lines

RNG = random.Random()


def test_a_new_value_is_a_change_that_is_not_shown(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    path = world.file("a", content=f"pw={ref}\n", mode="0644")
    world.aivp("apply -y")
    value = make("plain", RNG)
    world.secret("db", value)
    shown = world.aivp("plan --detailed-exitcode", code=2)
    assert "content: (sensitive, differs) -> (secret db)" in shown
    world.aivp("apply -y")
    assert path.read_text() == f"pw={value}\n"
    world.check(path)


def test_a_new_version_of_the_same_value_is_only_recorded(world: World) -> None:
    """Where the host can compare. A command cannot look back at what it was given: it runs again."""
    value = make("plain", RNG)
    ref = world.secret("db", value)
    path = world.file("a", content=ref)
    ledger = world.target / "ledger"
    world.resource("command.b", shell=f"echo ran >> {ledger}", env={"PW": ref})
    world.aivp("apply -y")
    before = path.stat()
    world.secret("db", value, version=2)
    shown = world.aivp("plan --detailed-exitcode", code=2)
    assert "only what is recorded of it changes" in shown
    world.aivp("apply -y")
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert ledger.read_text() == "ran\nran\n"
    assert "No changes" in world.aivp("plan --detailed-exitcode")
    world.check(path)


def test_a_new_value_without_a_new_version_does_not_run_a_command_again(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    world.resource("command.b", shell="true", env={"PW": ref})
    world.aivp("apply -y")
    world.secret("db", make("plain", RNG))
    assert "No changes" in world.aivp("plan --detailed-exitcode")
    world.check()


def test_a_verdict_that_flips_before_apply_is_exit_4(world: World) -> None:
    old = make("plain", RNG)
    ref = world.secret("db", old)
    path = world.file("a", content=ref)
    world.aivp("apply -y")
    world.secret("db", make("plain", RNG))
    world.aivp("plan -o plan.json")
    world.secret("db", old)  # what is there matches again: not what was reviewed
    said = world.aivp("apply plan.json", code=4)
    assert "AIVP0501" in said
    assert path.read_text() == old
    world.check(path)


def test_a_file_that_comes_to_match_before_apply_is_exit_4(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    path = world.file("a", content=ref)
    world.aivp("apply -y")
    new = make("plain", RNG)
    world.secret("db", new)
    world.aivp("plan -o plan.json")
    path.write_text(new)
    world.aivp("apply plan.json", code=4)
    world.check(path)


def test_a_declared_version_that_is_not_the_planned_one_is_refused(world: World) -> None:
    """The plan names its sources: what the project declares by now does not matter, what the plan says does."""
    ref = world.secret("db", make("plain", RNG))
    path = world.file("a", content=ref)
    world.aivp("plan -o plan.json")
    plan = json.loads((world.project / "plan.json").read_text())
    assert plan["secrets"] == {"db": {"version": "1", "env": "PLANTED_DB"}}
    world.secret("db", make("plain", RNG), version=7)
    world.aivp("apply plan.json")
    assert path.exists()


@pytest.mark.parametrize("command", ["apply -y", *more("plan", "observe")])
def test_an_unset_secret_is_told_before_anything_happens(world: World, command: str) -> None:
    ref = world.secret("db", make("plain", RNG))
    world.file("a", content=ref)
    other = world.file("b", content="plain")
    del world.environ["PLANTED_DB"]
    assert "AIVP0803" in world.aivp(command, code=1)
    assert not other.exists()


def test_a_secret_that_is_unset_after_the_plan_is_told_before_any_effect(world: World) -> None:
    refs = [world.secret(name, make("plain", RNG), source) for name, source in (("a", "env"), ("b", "file"))]
    world.file("a", content="".join(refs))
    other = world.file("b", content="plain")
    world.aivp("plan -o plan.json")
    del world.environ["PLANTED_A"]
    (world.root / "vault/b").unlink()
    said = world.aivp("apply plan.json", code=1)
    assert "AIVP0803" in said
    assert "AIVP0804" in said
    assert not other.exists()
    assert "No run yet" in world.aivp("runs list")


def test_outputs_of_a_command_that_takes_secrets_are_told_to_be_missing_while_planning(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    world.resource("command.a", shell="echo $PW", env={"PW": ref})
    other = world.file("b", content="${command.a.stdout}")
    said = world.aivp("plan", code=1)
    assert "command.a" in said
    assert "stdout" in said
    assert not other.exists()


def test_the_exit_code_of_such_a_command_may_be_used(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    world.resource("command.a", shell="true", env={"PW": ref})
    path = world.file("b", content="code ${command.a.exit_code}")
    world.aivp("apply -y")
    assert path.read_text() == "code 0"
    assert "No changes" in world.aivp("plan --detailed-exitcode")


EXPOSED = [
    ("command.a", {"argv": ["true", "${secret.db}"]}),
    ("command.a", {"shell": "echo ${secret.db}"}),
    ("command.a", {"shell": "true", "unless": ["test", "${secret.db}"]}),
    ("command.a", {"shell": "true", "name": "x ${secret.db}"}),
    ("command.a", {"shell": "true", "user": "${secret.db}"}),
    ("command.a", {"shell": "true", "group": "${secret.db}"}),
    ("command.a", {"shell": "true", "cwd": "/x/${secret.db}"}),
    ("command.a", {"shell": "true", "creates": "/x/${secret.db}"}),
    ("command.a", {"shell": "echo ${host.facts.os.id} ${secret.db}"}),
    ("file.a", {"path": "/x/${secret.db}"}),
    ("file.a", {"content": "", "validate": ["x", "%s", "${secret.db}"]}),
    ("file.a", {"state": "link", "target": "${secret.db}"}),
    ("file.a", {"content": "", "owner": "${secret.db}"}),
    ("file.a", {"content": "", "group": "${secret.db}"}),
    ("file.a", {"content": "", "mode": "${secret.db}"}),
    ("file.a", {"content": "", "backup": True, "backup_directory": "/x/${secret.db}"}),
    ("user.a", {"comment": "${secret.db}"}),
    ("package.nginx", {"version": "${secret.db}"}),
    ("package.nginx", {"name": "${secret.db}"}),
    ("service.a", {"name": "${secret.db}"}),
    ("group.a", {"members": ["${secret.db}"]}),
]


def test_a_secret_where_others_can_see_it_is_refused_while_compiling(world: World) -> None:
    """All in one project: all mistakes are told at once, each with its place."""
    world.secret("db", make("plain", RNG))
    for number, (address, attributes) in enumerate(EXPOSED):
        kind, _, name = address.partition(".")
        own = {"path": f"/x/{number}"} if kind == "file" else {}
        world.resource(f"{kind}.{name}{number}", **{**own, **attributes})
    told = [item for item in lines(world.aivp("validate --json", code=1)) if item.get("code") == "AIVP0306"]
    missing = {f"{a.partition('.')[0]}.{a.partition('.')[2]}{n}@here" for n, (a, _) in enumerate(EXPOSED)}
    assert missing - {item["address"] for item in told} == set()
    world.check()


def test_a_secret_where_no_text_belongs_is_refused_while_compiling(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    world.resource("command.a", shell="true", timeout=ref)
    world.resource("command.b", shell="true", capture=ref)
    world.resource("command.c", shell="true", env=ref)
    world.resource("file.d", path="/x/d", lines=ref)
    world.resource("user.e", membership=ref)
    told = [item for item in lines(world.aivp("validate --json", code=1)) if item.get("code") == "AIVP0302"]
    assert len(told) == 5, told
    world.check()


@pytest.mark.parametrize(
    "text",
    ["${file.f.content} ${host.facts.os.id}", *more("${file.a.content}", "x ${file.a.content}", "${file.t.content}")],
)
def test_a_secret_that_comes_by_a_reference_is_refused(world: World, text: str) -> None:
    """`t` is a template with a fact in it: that it makes a secret shows only once the fact is known."""
    ref = world.secret("db", make("plain", RNG))
    world.file("a", content=ref)
    world.file("t", template={"inline": "{{ a }}{{ b }}"}, vars={"a": ref, "b": "${host.facts.os.id}"})
    world.file("f", content=f"{ref} ${{host.facts.os.id}}")
    world.resource("command.b", argv=["true", text])
    said = world.aivp("plan", code=1)
    assert "AIVP0306" in said or "AIVP0218" in said  # what a template makes cannot be referred to at all
    world.check()


@pytest.mark.parametrize("place", ["channel", *more("when", "for_each", "meta", "notify")])
def test_a_secret_in_the_machinery_of_a_declaration_is_refused(world: World, place: str) -> None:
    ref = world.secret("db", make("plain", RNG))
    world.file("a", content="x")
    match place:
        case "channel":
            world.declared["hosts"]["there"] = {"transport": "exec", "command": ["env", f"X={ref}"]}
            world.resource("file.b", path="/x")
            world.declared["resources"]["file.b"]["host"] = "there"
        case "when":
            world.declared["resources"]["file.a"]["when"] = {ref: True}
        case "for_each":
            world.declared["resources"]["file.a"]["for_each"] = [ref]
        case "meta":
            world.declared["resources"]["file.a"]["meta"] = {"labels": {"x": ref}}
        case "notify":
            world.declared["resources"]["file.a"]["notify"] = [ref]
    world.aivp("validate", code=1)
    world.check()


def test_prior_values_that_go_to_hosts_hold_no_value(world: World) -> None:
    """Asked of the engine itself: what the wire carries beside `config`."""
    from aivp.apply.progress import Progress
    from aivp.apply.wire import message
    from aivp.engine import Engine, running

    value = make("plain", RNG)
    ref = world.secret("db", value)
    world.file("a", content=ref)
    world.aivp("apply -y")
    world.secret("db", make("plain", RNG))
    world.aivp("plan -o plan.json")
    engine = Engine(Path(world.project))
    plan = running.read_plan(engine, (world.project / "plan.json").read_bytes())
    state = engine.state()
    try:
        rows = {row.address: row for row in state.objects()}
    finally:
        state.close()
    progress = Progress({step.id: step for step in plan.steps}, rows, {})
    sent = message(plan.steps[0], plan.steps[0].config, progress, engine.registry.kinds)
    assert sent["prior"]["content"].value is None
    assert sent["prior"]["content"].origin == {"secret": "db", "version": "1"}
