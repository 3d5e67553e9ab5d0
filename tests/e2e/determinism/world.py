"""One world that every test here plans in: an earlier version is applied, something drifted, all of it recorded."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

from .conditions import Clone, Condition, clone, conditions, make_tools
from .project import declaration, earlier, write


@dataclass(frozen=True)
class World:
    """What one world is like before the plan: things on its hosts, a state, and what was recorded of both."""

    folder: Path
    tools: Path
    things: Path
    recording: Path
    expected: Mapping[str, bytes]

    def clone(self, name: str, condition: Condition, python: Path = Path(sys.executable)) -> Clone:
        """The project as `condition` has it written down, with the world's state."""
        place = self.folder / name / "project"
        found = clone(place, condition, self.folder / "home", self.tools, python)
        write(place, declaration(self.things), self.things, condition.seed if condition.number else None)
        copytree(self.folder / "first" / "project" / ".aivp", place / ".aivp", symlinks=True)
        return found


def make_world(folder: Path) -> World:
    """An earlier version is applied, something drifts, and the first condition plans."""
    for name in ("home", "things"):
        (folder / name).mkdir(mode=0o755)
    tools, things = make_tools(folder / "tools"), folder / "things"
    first, *_ = conditions(1)
    before = clone(folder / "first" / "project", first, folder / "home", tools, Path(sys.executable))
    write(before.folder, earlier(things), things, with_cue=False)
    before.aivp("apply -y")
    (things / "drifted").write_text("by hand\n")
    (things / "orphan").write_bytes(b"\xff\xfe not text\n")

    made = World(folder, tools, things, folder / "recording.json", {})
    plain = made.clone("expected", first)
    plain.aivp("observe -o", str(made.recording))
    return World(folder, tools, things, made.recording, artifacts(plain, made.recording))


def artifacts(project: Clone, recording: Path, *, is_live: bool = True) -> dict[str, bytes]:
    """Everything that a project gives, from the recording and live."""
    out = project.folder.parent
    project.aivp("compile -o", f"{out}/ir.json")
    project.aivp("plan -o", f"{out}/recorded.json", "--observed", str(recording))
    if not is_live:
        return {name: (out / f"{name}.json").read_bytes() for name in ("ir", "recorded")}
    project.aivp("observe -o", f"{out}/evidence.json", "--parallelism", str(project.condition.parallelism))
    project.aivp("plan -o", f"{out}/live.json", "--parallelism", str(project.condition.parallelism))
    return {name: (out / f"{name}.json").read_bytes() for name in ("ir", "recorded", "evidence", "live")}
