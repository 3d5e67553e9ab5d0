"""--untrusted: of what a stranger wrote nothing is run, and no secret is taken; what stayed unknown is said."""

from __future__ import annotations

import random

from tests.e2e.secrets.planted import make
from tests.e2e.secrets.world import World

RNG = random.Random()


def test_nothing_of_a_strangers_is_started_and_no_secret_is_taken(world: World) -> None:
    traps = {name: world.target / f"trap-{name}" for name in ("source", "guard", "channel", "validate")}
    ref = world.secret("db", make("plain", RNG))
    unset = world.secret("unset", make("plain", RNG))
    del world.environ["PLANTED_UNSET"]
    world.declared["secrets"]["trap"] = {"command": ["/usr/bin/touch", str(traps["source"])]}
    world.declared["hosts"]["there"] = {"transport": "exec", "command": ["/usr/bin/touch", str(traps["channel"])]}
    path = world.file(
        "a", content=f"{ref}{unset}${{secret.trap}}", validate=["/usr/bin/touch", str(traps["validate"]), "%s"]
    )
    world.file("template", template={"inline": "{{ pw }}"}, vars={"pw": ref})
    world.file("plain", content="plain\n")
    world.resource("command.b", shell="true", unless=["/usr/bin/touch", str(traps["guard"])])
    world.resource("file.there", path=str(world.target / "there"), content="x")
    world.declared["resources"]["file.there"]["host"] = "there"
    shown = world.aivp("plan --untrusted -o plan.json", is_watched=True)
    for name, trap in traps.items():
        assert not trap.exists(), name
    assert "--untrusted starts no exec channel" in shown or "there cannot be reached" in shown
    assert "file.plain" in shown
    assert "cannot be applied" in shown or "not looked at" in shown, shown
    said = world.aivp("apply plan.json", code=4, PLANTED_UNSET="x")
    assert "AIVP0503" in said
    assert not path.exists()
    world.aivp("observe --untrusted -o evidence.json")
    world.aivp("drift --untrusted", code=1)  # what was not looked at is unknown
    world.check()
    assert not any(trap.exists() for trap in traps.values())


def test_what_was_applied_before_is_not_told_either(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    path = world.file("a", content=f"pw={ref}\n", mode="0644")
    edited = world.target / "b"
    edited.write_text("theirs\n")
    world.file("b", lines=[{"line": f"pw={ref}"}])
    world.aivp("apply -y")
    path.write_text(path.read_text() + "by hand\n")
    edited.write_text(edited.read_text() + "by hand\n")
    del world.environ["PLANTED_DB"]
    world.aivp("plan --untrusted -v -o plan.json")
    world.aivp("plan --untrusted --json")
    world.aivp("observe --untrusted -o evidence.json")
    assert "AIVP0503" in world.aivp("apply plan.json", code=4, PLANTED_DB="x")
    world.check(path, edited)


def test_planning_from_evidence_takes_no_secret(world: World) -> None:
    """The recording has the verdict; without the secret, the plan is the same to the byte."""
    ref = world.secret("db", make("plain", RNG))
    path = world.file("a", content=f"pw={ref}\n")
    path.write_text("other")
    world.aivp("observe -o evidence.json")
    world.aivp("plan -o live.json")
    del world.environ["PLANTED_DB"]
    world.aivp("plan --observed evidence.json -o offline.json")
    assert (world.project / "live.json").read_bytes() == (world.project / "offline.json").read_bytes()
    world.check(path)
