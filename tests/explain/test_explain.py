"""Why a resource is there, as it is read: `cases/*.txtar` hold the files of a project, and what `explain` says of it.

The name of a section with an answer is `explain ADDRESS`, with `-e ENV` where the project has environments and `plan`
where `plan.json` (as tests/views/inputs.py reads it) is asked, too. AIVP_UPDATE_GOLDEN=1 rewrites them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from aivp.compile import Compiled, compile_project
from aivp.config.load import load
from aivp.config.project import Project
from aivp.explain.explain import explain
from aivp.explain.explanation import Explanation
from aivp.model.graph import ResourceGraph
from aivp.plugins import Registry
from aivp.views.explanation_json import explanation_lines
from aivp.views.explanation_text import render_explanation
from tests import schemas, txtar
from tests.views import inputs

CASES = sorted((Path(__file__).parent / "cases").glob("*.txtar"))


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


def _compiled(
    files: dict[str, str], folder: Path, registry: Registry, environment: str | None
) -> tuple[Project, Compiled]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    project = load(folder, environment=environment)
    return project, compile_project(project, registry)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_said(path: Path, tmp_path: Path, registry: Registry) -> None:
    comment, files = txtar.read(path)
    asked = {name: name.split() for name in files if name.startswith("explain ")}
    sources = {name: text for name, text in files.items() if name not in asked}
    found = {}
    for name, words in asked.items():
        environment = words[words.index("-e") + 1] if "-e" in words else None
        project, compiled = _compiled(sources, tmp_path, registry, environment)
        plan = inputs.read_short_plan(files["plan.json"]) if "plan" in words else None
        item = explain(words[1], project, compiled, ResourceGraph.of(compiled.ir, registry.kind), plan)
        for line in explanation_lines(item):
            schemas.check("events", json.loads(line))
        width = 160 if "160" in words else 80
        found[name] = render_explanation(item, width=width, color=False, verbose=False) + "\n"
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        txtar.write(path, comment, {**files, **found})
    assert found == {name: files[name] for name in asked}


ROOT = "aivp: v1\nproject: p\nhosts: {a: {transport: local, vars: {d: /srv}}}\n"


def _explain(text: str, address: str, folder: Path, registry: Registry) -> Explanation:
    project, compiled = _compiled({"aivp.yaml": ROOT + text}, folder, registry, None)
    return explain(address, project, compiled, ResourceGraph.of(compiled.ir, registry.kind))


def test_what_is_told_twice_is_followed_once(tmp_path: Path, registry: Registry) -> None:
    """Values that refer to the next two each would be followed thousands of times."""
    values = "".join(f"  v{n}: '${{values.v{n + 1}}} ${{values.v{n + 2}}}'\n" for n in range(18))
    text = f"values:\n{values}  v18: x\n  v19: y\nresources: {{file.f: {{path: /f, content: '${{values.v0}}'}}}}\n"
    item = _explain(text, "file.f@a", tmp_path, registry)
    assert len(render_explanation(item, width=80, color=False, verbose=True).split("<- ")) < 60


def test_a_long_chain_ends(tmp_path: Path, registry: Registry) -> None:
    files = "".join(f"  file.f{n}: {{path: '${{file.f{n + 1}.path}}x'}}\n" for n in range(60))
    item = _explain(f"resources:\n{files}  file.f60: {{path: /f}}\n", "file.f0@a", tmp_path, registry)
    assert render_explanation(item, width=40, color=False, verbose=True).count("<- file.") == 20


def test_what_waits_for_those_that_wait(tmp_path: Path, registry: Registry) -> None:
    files = "".join(f"  file.f{n}: {{path: /f{n}, depends_on: file.f{n - 1}}}\n" for n in range(1, 6))
    item = _explain(f"resources:\n  file.f0: {{path: /f0}}\n{files}", "file.f0@a", tmp_path, registry)
    assert [(one.address, one.is_direct) for one in item.dependents] == [
        ("file.f1@a", True),
        *((f"file.f{n}@a", False) for n in range(2, 6)),
    ]


def test_no_value_of_a_sensitive_field_is_told(tmp_path: Path, registry: Registry) -> None:
    text = (
        "variables: {w: {type: string, default: hunter2}}\nsecrets: {s: {env: S}}\n"
        "resources:\n  user.u: {password: '$6$x$${var.w}'}\n  file.f: {path: /f, content: '${secret.s}'}\n"
    ).replace("$6$x$$", "$6$x$")
    item = _explain(text, "user.u@a", tmp_path, registry)
    said = render_explanation(item, width=160, color=False, verbose=True) + "".join(explanation_lines(item))
    assert "hunter2" not in said
    assert "var.w" in said
    item = _explain(text, "file.f@a", tmp_path, registry)
    assert "from env, version 1" in render_explanation(item, width=160, color=False, verbose=False)
