"""Secrets in every place where one may be declared, through the life of a project: nothing of them gets out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.secrets.planted import ONE_LINE, SHAPES, make
from tests.e2e.secrets.world import World

SOURCES = ("env", "file", "command")


def plant(world: World, rng: random.Random, shift: int = 0) -> list[Path]:
    """A resource of each sort; the files that may hold secrets come back."""
    count = iter(range(shift, 1000))

    def secret(name: str, shapes: Sequence[str] = SHAPES) -> tuple[str, str]:
        number = next(count)
        value = make(shapes[number % len(shapes)], rng)
        return world.secret(name, value, SOURCES[number % len(SOURCES)]), value

    files: list[Path] = []
    for name, mode in (("whole", "0600"), ("open", "0644")):
        ref, value = secret(name)
        files.append(world.file(name, value, content=ref, mode=mode))
    ref, value = secret("text")
    files.append(world.file("text", f"user=x\npassword={value}\n", content=f"user=x\npassword={ref}\n"))
    ref, value = secret("template")
    inline = "a={{ db.password }}\nb={{ db.password | upper }}\n{% for x in db.list %}{{ x }}{% endfor %}\n"
    files.append(
        world.file("template", template={"inline": inline}, vars={"db": {"password": ref, "list": [ref, "-", 1]}})
    )
    ref, value = secret("mapped")
    other, tail = secret("joined")
    files.append(world.file("mapped", f"{value}:1{tail}", content=f"{ref}:1{other}", mode="0640"))
    for name, ending in (("lines", "private"), ("blocks", "public")):
        ref, value = secret(name, ONE_LINE)
        path = world.target / name
        path.write_text("# theirs\npw=\n")
        path.chmod(0o600 if ending == "private" else 0o644)
        if name == "lines":
            files.append(world.file(name, lines=[{"line": f"pw={ref}", "regexp": "^pw="}]))
        else:
            files.append(world.file(name, blocks=[{"name": "mine", "content": f"one\npw={ref}\nlast\n"}]))
    ref, value = secret("made", ONE_LINE)
    files.append(world.file("made", f"pw={value}\n", lines=[{"line": f"pw={ref}"}], create=True))
    ref, value = secret("each")
    world.resource(
        "file.each", for_each=["x", "y"], path=f"{world.target}/each-${{each.key}}", content=f"{ref} ${{each.key}}"
    )
    files += [world.target / "each-x", world.target / "each-y"]
    ref, value = secret("checked")
    files.append(world.file("checked", value, content=ref, validate=["/bin/cat", "%s"], backup=True))
    ref, value = secret("variable")
    script = 'echo "$PW" | tee /dev/stderr; printf %s "$PW" | base64; printf %s "$PW" | sha256sum; sleep 0.2'
    world.resource("command.variable", shell=script, env={"PW": ref, "DECLARED_FOR": "variable"})
    ref, value = secret("input")
    world.resource("command.input", shell="cat; sleep 0.1", stdin=f"before {ref} behind")
    world.declared["secrets"]["generated"] = {"generate": {"length": 24}}
    files.append(world.file("generated", content="${secret.generated}"))
    return files


def live(world: World, files: list[Path], rng: random.Random) -> None:
    """Every command that may see a secret; scanned after each."""
    world.aivp("secrets key --new")
    key = next((world.root / "home/.config/aivp/keys").glob("*.json"))
    allowed = [*files, key]
    world.aivp("validate")
    world.aivp("compile -o ir.json")
    world.aivp("graph --format json")
    world.aivp("plan -o plan.json", is_watched=True)
    world.aivp("plan --json")
    world.aivp("show plan.json --verbose")
    world.aivp("observe -o evidence.json")
    world.aivp("plan --observed evidence.json", PLANTED_WHOLE="")
    world.check(*allowed)
    world.aivp("apply plan.json --verbose", is_watched=True, AIVP_DEBUG="1")
    world.planted.plant("generated", (world.target / "generated").read_text())
    world.check(*allowed)
    assert "No changes" in world.aivp("plan --detailed-exitcode --verbose")
    world.aivp("runs show --json")
    for address in ("file.whole@here", "file.template@here", "command.variable@here", "command.input@here"):
        world.aivp(f"state show {address}")
    world.aivp("state list --json")
    world.check(*allowed)
    _drift(world)
    world.aivp("drift --verbose", code=2)
    world.aivp("drift --json", code=2)
    world.aivp("plan --verbose --json -o drift.json")
    world.check(*allowed)
    _rotate(world, rng)
    shown = world.aivp("plan --verbose --detailed-exitcode -o rotated.json", code=2)
    for name in ("whole", "open", "text", "template", "lines", "blocks", "checked"):
        assert f"file.{name}" in shown
    world.aivp("apply rotated.json --json", is_watched=True, AIVP_DEBUG="1")
    world.check(*allowed, world.target / "checked.aivp-backup")
    assert "No changes" in world.aivp("plan --detailed-exitcode")
    world.aivp("destroy -y --verbose", is_watched=True)
    (world.target / "checked.aivp-backup").unlink()
    left = [world.target / name for name in ("lines", "blocks")]
    world.check(key, *left)
    for path in files:
        assert path.exists() == (path in left), path


def _drift(world: World) -> None:
    """Somebody's hand: old secrets stay in some files, beside what was written into them."""
    for name in ("whole", "open", "text", "lines", "blocks"):
        path = world.target / name
        path.write_text(path.read_text() + "\n# by hand\n")
    (world.target / "template").unlink()
    (world.target / "checked").write_text("other")


def _rotate(world: World, rng: random.Random) -> None:
    for name, spec in world.declared["secrets"].items():
        if "generate" not in spec:
            is_line = name in ("lines", "blocks", "made")
            world.secret(name, make(rng.choice(ONE_LINE if is_line else SHAPES), rng), next(iter(spec)))


def test_nothing_gets_out_locally(world: World) -> None:
    rng = random.Random()  # new secrets each time: a leak that depends on one shows up some day
    live(world, plant(world, rng, rng.randrange(100)), rng)
    print(dict(world.scanner.read))


@pytest.mark.slow
@pytest.mark.parametrize("shift", range(11))
def test_nothing_gets_out_whatever_the_shape(world: World, shift: int) -> None:
    rng = random.Random(shift)
    live(world, plant(world, rng, shift), rng)
