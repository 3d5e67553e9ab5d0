"""A bad third-party provider on one host: its own steps fail or wait, all else goes on, and once mended so do they.

The providers are those of the conformance kit's zoo, as a project meets them: found in a folder, shipped, run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import schemas
from tests.e2e.faults.world import AIVP, PATIENCE, World

ROOT = Path(__file__).parents[3]
ZOO = ROOT / "tests/conformance/zoo"
EXAMPLE = ROOT / "docs/protocol/example"
METER = ROOT / "bench/meter.py"
HERE = Path(__file__).parent
MOST = 64 * 1024 * 1024
"""Bytes that a bad provider may cost the engine, and the runner, beyond what a good one does."""

PROJECT = """
aivp: v1
project: zoo
variables: {{root: {{type: string}}}}
hosts:
{hosts}
resources:
  example/note.bad: {{host: bad, path: "${{var.root}}/target/bad", text: "milk"}}
  file.near: {{host: bad, path: "${{var.root}}/target/near", content: near}}
  file.after: {{host: good, path: "${{var.root}}/target/after", content: after, depends_on: [example/note.bad]}}
  good/note.good: {{host: good, path: "${{var.root}}/target/good", text: "bread"}}
  file.far: {{host: good, path: "${{var.root}}/target/far", content: far}}
"""

ALL = {"bad", "near", "after", "good", "far"}

LOOKING = {
    "hang": "does not answer: it gave no answer to observe within",
    "garbage": "broke its contract: a line that is no JSON of the protocol",
    "endless-line": "broke its contract: a line longer than 4194304 bytes",
    "many-values": "broke its contract: its answer to observe takes more than 40 MiB of memory",
    "progress-flood": "does not answer: it gave no answer to observe within",
    "stderr-flood": "does not answer: it gave no answer to observe within",
    "early-exit": "does not answer: it exited with status 3",
    "wrong-kinds": "broke its contract: it serves other kinds",
    "wrong-id": "broke its contract: it answered a request that nobody made",
    "formless": "broke its contract: an observation of",
    "items-missing": "broke its contract: it answered for 0 of 1 items",
    "wrong-item-id": "broke its contract: it answered for",
    "undeclared-field": "broke its contract: normalised of example/note.bad@bad holds inode",
    "temporary": "the door is shut",
}
"""Animal → what it did, as it is said to people."""

ACTING = {
    "liar": "the provider example broke its word: path is not as declared after the effect",
    "dies-after-its-effect": "does not answer: it exited with status 9",
    "hangs-after-its-effect": "does not answer: it gave no answer to apply within",
}


QUICK = {"hang", "many-values", "early-exit", "liar", "dies-after-its-effect"}


def bounded(animals: Iterable[str]) -> list[object]:
    """Some in each run of the tests, all of them in the full matrix."""
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in animals]


@dataclass(frozen=True)
class Took:
    """What one command did, and what it took: seconds, and bytes of the largest process beside the runner."""

    code: int
    text: str
    seconds: float
    largest: int


class Two:
    """A project with two hosts, one with the provider in question, the other with good ones only."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.providers = world.root / "providers"
        hosts = "".join(f"  {name}: {{transport: exec, command: {self._command(name)}}}\n" for name in ("bad", "good"))
        world.declare(PROJECT.format(hosts=hosts))
        self._good()

    def _command(self, name: str) -> str:
        state = f"AIVP_HOST_STATE={self.world.root}/{name}"
        return json.dumps(["env", state, sys.executable, str(HERE / "hasty.py"), f"{self.world.root}/{name}.peak"])

    def _good(self) -> None:
        folder = self.providers / "good"
        folder.mkdir(parents=True)
        for name in ("manifest.json", "provider.py"):
            text = (EXAMPLE / name).read_text()
            (folder / name).write_text(text.replace('"example', '"good'))

    def bring(self, animal: str | None) -> None:
        """Install the provider of one fault, or of none."""
        folder = self.providers / "zoo"
        shutil.rmtree(folder, ignore_errors=True)
        inner = "tests/conformance/zoo"
        for path in (f"{inner}/keeper.py", f"{inner}/animals.py", "docs/protocol/example/provider.py"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, folder / path)
        with (folder / inner / "animals.py").open("a") as file:
            file.write((HERE / "more_animals.py").read_text())
        manifest = json.loads((ZOO / "manifest.json").read_text())
        argv = ["python3", f"{{folder}}/{inner}/keeper.py", *([] if animal is None else [animal, "{folder}"])]
        if animal is None:
            argv = ["sh", "-c", 'exec python3 "$0/tests/conformance/zoo/keeper.py"', "{folder}"]
        (folder / "manifest.json").write_text(json.dumps({**manifest, "start": {"any": argv}}))

    def aivp(self, *arguments: str) -> Took:
        """Run aivp below the meter, which a command's own memory is not counted into."""
        out = self.world.root / "took"
        meter = [sys.executable, "-I", "-S", str(METER), str(out), str(5 * PATIENCE), "0.02", "10", AIVP, *arguments]
        environment = {**self.world.environment, "AIVP_PROVIDERS": str(self.providers), "COLUMNS": "1000"}
        began = time.monotonic()
        done = subprocess.run(
            meter, cwd=self.world.project, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        text = done.stdout + done.stderr
        assert "Traceback" not in text, text
        assert "AIVP0999" not in text, text
        found = json.loads(out.read_text())
        return Took(found["code"], text, time.monotonic() - began, found["largest"])

    def peak(self) -> int:
        """Bytes of the largest runner of the bad host since the last call."""
        file = self.world.root / "bad.peak"
        lines = file.read_text().splitlines()
        file.unlink()
        return max(map(int, lines)) * 1024

    def there(self) -> set[str]:
        return set(os.listdir(self.world.target))

    def marks(self) -> list[str]:
        path = self.world.root / "bad/work/example/marks"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    world = World(tmp_path / "world")
    yield Two(world)
    world.clean_up()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, int]:
    """What the engine and the runner take where all is well."""
    two = Two(World(tmp_path_factory.mktemp("good") / "world"))
    two.bring(None)
    took = two.aivp("apply", "-y")
    assert took.code == 0, took.text
    assert two.there() == ALL
    return took.largest, two.peak()


@pytest.mark.parametrize("animal", bounded(LOOKING))
def test_one_that_cannot_look_blocks_its_own(two: Two, good: tuple[int, int], animal: str) -> None:
    two.bring(animal)
    took = two.aivp("apply", "-y")
    assert took.code == 5, took.text
    assert "warning[AIVP061" in took.text
    assert LOOKING[animal] in took.text
    assert animal == "temporary" or "the provider example" in took.text
    assert "2 of the resources were blocked" in took.text
    assert two.there() == {"near", "good", "far"}
    assert took.seconds < 40
    assert took.largest < good[0] + MOST
    assert two.peak() < good[1] + MOST
    two.world.await_quiet()
    mended(two)


@pytest.mark.parametrize("animal", bounded(ACTING))
def test_one_that_cannot_act_fails_alone(two: Two, good: tuple[int, int], animal: str) -> None:
    two.bring(animal)
    took = two.aivp("apply", "-y")
    assert took.code == 5, took.text
    assert ACTING[animal] in took.text
    assert "example" in took.text
    assert two.there() - {"bad"} == {"near", "good", "far"}
    assert took.largest < good[0] + MOST
    assert two.peak() < good[1] + MOST
    two.world.await_quiet()
    mended(two)


def test_one_that_died_is_asked_again_under_its_key(two: Two) -> None:
    two.bring("dies-once-after-its-effect")
    took = two.aivp("apply", "-y")
    assert took.code == 0, took.text
    assert two.there() == ALL
    assert two.marks() == ["effect", "effect"]
    two.world.await_quiet()


def test_one_that_cannot_come_to_its_host_any_more_fails_alone(two: Two) -> None:
    two.bring(None)
    took = two.aivp("plan", "-o", "plan.json")
    assert took.code == 0, took.text
    brought = two.world.root / "bad/providers"
    shutil.rmtree(brought)
    brought.touch()
    took = two.aivp("apply", "plan.json")
    assert took.code == 5, took.text
    assert "! example/note.bad@bad failed to create" in took.text
    assert "The provider example cannot work on bad" in took.text
    assert two.there() == {"near", "good", "far"}
    brought.unlink()
    took = two.aivp("apply", "--resume")
    assert took.code == 0, took.text
    assert two.there() == ALL


def test_what_one_says_while_it_works_is_shown(two: Two) -> None:
    two.bring("talks")
    took = two.aivp("apply", "-y")
    assert took.code == 0, took.text
    lines = took.text.splitlines()
    assert "     example/note.bad@bad: example says: opening the door" in lines
    assert "     bad: example says, as a warning: the paint is\\nwet\\x1b[2J" in lines
    assert 100 < took.text.count("and again") < 200
    assert "creak" not in took.text
    assert "pushing" not in took.text
    took = two.aivp("destroy", "-y")
    assert took.code == 0, took.text
    took = two.aivp("apply", "-y", "--verbose")
    assert "the hinges creak" in took.text
    assert "example/note.bad@bad: example says: pushing (1 of 4)" in took.text


def test_what_one_says_while_it_is_looked_at_is_shown(two: Two) -> None:
    two.bring("talks")
    took = two.aivp("plan")
    assert "     bad: example says, as a warning: the key is rusty" in took.text.splitlines()
    assert "looking through" not in took.text
    assert "looking through" in two.aivp("plan", "--verbose").text
    told = two.aivp("plan", "--json").text
    assert [json.loads(line)["message"] for line in told.splitlines() if '"provider-logged"' in line] == [
        "the key is rusty",
        "looking through the hole",
    ]


def test_what_one_says_while_it_works_is_in_the_json(two: Two) -> None:
    two.bring("talks")
    took = two.aivp("apply", "-y", "--json")
    found = schemas.check_lines(["apply", "-y", "--json"], took.text.encode())
    warnings = [item for item in found if item["type"] == "provider-logged" and item["level"] == "warning"]
    (warning,) = [item for item in warnings if "rusty" not in item["message"]]
    assert (warning["host"], warning["address"], warning["message"]) == ("bad", None, "the paint is\nwet\x1b[2J")
    (progress,) = [item for item in found if item["type"] == "provider-progressed"]
    assert (progress["address"], progress["done"], progress["total"]) == ("example/note.bad@bad", 1, 4)
    (log,) = (two.world.project / ".aivp").rglob("runs/*.jsonl")
    assert '"provider-logged"' in log.read_text()


def mended(two: Two) -> None:
    """A good one in its place: everything comes true, and what was there is left alone."""
    before = {name: (two.world.target / name).stat().st_mtime_ns for name in ("near", "good", "far")}
    two.bring(None)
    took = two.aivp("apply", "-y")
    assert took.code == 0, took.text
    assert two.there() == ALL
    assert json.loads((two.world.target / "bad").read_text())["text"] == "milk"
    assert {name: (two.world.target / name).stat().st_mtime_ns for name in before} == before
    took = two.aivp("plan", "--detailed-exitcode")
    assert took.code == 0, took.text
    two.world.await_quiet()
