"""Whole projects: cases/*.txtar hold files, options and everything that is told or loaded.

AIVP_UPDATE_GOLDEN=1 rewrites what is expected. A case whose name starts with `cue` needs the cue command.
"""

import json
import os
import random
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aivp.config.load import load
from aivp.config.project import Project
from aivp.config.variables import Assignment, VariableFile, VariableInputs
from aivp.diagnostics import Refused
from tests import txtar
from tests.config.conftest import MakeProject, told
from tests.config.test_yaml import BOMB

CASES = Path(__file__).parent / "cases"


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.txtar")))
def test_case(name: str, project: MakeProject, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.startswith("cue"):
        request.getfixturevalue("cue")
    path = CASES / f"{name}.txtar"
    comment, files = txtar.read(path)
    options, expected = files.pop("options", ""), files.pop("expected", "")
    root = project(files)
    monkeypatch.chdir(root)
    found = outcome(root, options)
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        kept = {"options": options} if options else {}
        txtar.write(path, comment, {**kept, **files, "expected": found})
    else:
        assert found == expected


def outcome(root: Path, options: str = "") -> str:
    """What loading tells or gives, as text. Options: `environment NAME`, `process K=V`, `var K=V`, `var-file PATH`."""
    environment, process, given_inputs = None, {}, []
    for word, _, rest in (line.partition(" ") for line in options.splitlines()):
        key, _, value = rest.partition("=")
        match word:
            case "environment":
                environment = rest
            case "process":
                process[key] = value
            case "var":
                given_inputs.append(Assignment(key, value))
            case "var-file":
                given_inputs.append(VariableFile(Path(rest)))
    try:
        found = load(root, environment=environment, variables=VariableInputs(process, given_inputs))
    except Refused as refused:
        return told(refused.diagnostics)
    return json.dumps(shown(found), indent=1, ensure_ascii=False) + "\n"


def shown(found: Project) -> dict[str, object]:
    """Everything in a project, each declaration with its key's place."""
    sections = {
        name: getattr(found, name) for name in ("values", "defaults", "hosts", "groups", "resources", "providers")
    }
    lists = {name: getattr(found, name) for name in ("moved", "imports", "removed")}
    everything = {
        "name": found.name,
        "environment": found.environment,
        "variables": {
            name: [
                f"{json.dumps(item.value)} from {item.origin} {item.span or ''}".strip() for item in variable.history
            ]
            for name, variable in found.variables.items()
        },
        **{k: {f"{n} {d.key_span()}": d.value for n, d in parts.items()} for k, parts in sections.items()},
        "secrets": {name: [item.version, item.source, item.spec] for name, (item, _) in found.secrets.items()},
        **{name: {str(item.span()): item.value for item in items} for name, items in lists.items()},
        "requires": found.requires and found.requires.value,
    }
    return {name: value for name, value in everything.items() if value}


def test_links_in_the_place_of_documents(project: MakeProject, tmp_path: Path) -> None:
    root = project({"aivp.yaml": "aivp: v1\nproject: lab\ninclude: [a.yaml, sub/b.yaml, pkg]\n", "real/b.yaml": ""})
    (root / "a.yaml").symlink_to(tmp_path / "elsewhere")
    (root / "sub").symlink_to("real")
    (root / "pkg").symlink_to("/etc")
    assert outcome(root).count("AIVP0103") == 3
    (root / "aivp.yaml").rename(root / "real.yaml")
    (root / "aivp.yaml").symlink_to("real.yaml")
    assert "AIVP0103" in outcome(root)


def test_hostile_files_together(project: MakeProject) -> None:
    root = project(
        {
            "aivp.yaml": 'aivp: v1\nproject: lab\ninclude: ["*.yaml", large.yml, none.yaml, ../up.yaml, /etc/passwd]\n',
            "bomb.yaml": BOMB,
            "deep.yaml": "[" * 10_000,
        }
    )
    (root / "junk.yaml").write_bytes(os.urandom(4096) + b"\xff")
    with (root / "large.yml").open("wb") as file:
        file.truncate(50 << 20)
    os.mkfifo(root / "pipe.yaml")
    start = time.process_time()
    codes = [line.split()[0] for line in outcome(root).splitlines() if line.startswith("AIVP")]
    assert sorted(codes) == ["AIVP0101", "AIVP0102", "AIVP0102", "AIVP0105", "AIVP0106", "AIVP0116", "AIVP0117"]
    assert time.process_time() - start < 5


def test_no_project(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "none"):
        found = outcome(root)
        assert "AIVP0101" in found
        assert "-C" in found
        assert str(tmp_path) not in found


def test_an_include_chain_may_be_long(project: MakeProject) -> None:
    files = {f"f{i}.yaml": f"include: [f{i + 1}.yaml]\nvalues: {{v{i}: 1}}\n" for i in range(2000)}
    root = project(
        {"aivp.yaml": "aivp: v1\nproject: lab\ninclude: [f0.yaml]\n", **files, "f2000.yaml": "include: [f7.yaml]"}
    )
    assert "f7.yaml includes itself" in outcome(root)


def test_order_of_keys_and_files_changes_nothing(project: MakeProject) -> None:
    """But for positions, which are not part of any artifact."""
    lines = [f"  file.f{i}: {{path: /f{i}, host: lab}}\n" for i in range(20)]
    values = [f"  v{i}: {i}\n" for i in range(20)]
    seen = set()
    for seed in range(5):
        shuffle = random.Random(seed).shuffle
        shuffle(lines)
        shuffle(values)
        root = project({"aivp.yaml": "aivp: v1\nproject: lab\ninclude: [b.yaml]\nresources:\n" + "".join(lines),
                        "b.yaml": "values:\n" + "".join(values)})  # fmt: skip
        found = load(root)
        seen.add(json.dumps([{n: d.value for n, d in part.items()} for part in (found.resources, found.values)]))
    assert len(seen) == 1


def test_ten_thousand_resources(project: MakeProject) -> None:
    lines = [f"  file.f{i}:\n    host: lab\n    path: /srv/f{i}\n    mode: '0644'\n" for i in range(10_000)]
    root = project({"aivp.yaml": "aivp: v1\nproject: lab\nresources:\n" + "".join(lines)})
    start = time.process_time()
    assert len(load(root).resources) == 10_000
    assert time.process_time() - start < 2


_PIECES = ["null", "[]", "{}", "1", "x", "~", "[1]", "{a: b}", "a: b", "\n", "&a ", "*a", '"', "- ", "'"]
WHOLE = txtar.read(CASES / "whole.txtar")[1]


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_a_good_project_brings_it_down(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = {name: text for name, text in WHOLE.items() if name not in ("expected", "options")}
    name = data.draw(st.sampled_from(sorted(files)))
    text = files[name]
    at = data.draw(st.integers(0, len(text)))
    until = data.draw(st.integers(at, min(len(text), at + 30)))
    pieces = st.sampled_from(_PIECES)
    files[name] = text[:at] + data.draw(pieces | st.text(max_size=6)) + text[until:]
    root = tmp_path_factory.mktemp("mutated")
    try:
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content.encode(errors="surrogatepass"))
        outcome(root, WHOLE["options"])
    finally:
        shutil.rmtree(root)


_TEXTS = ["", "x", "file.a", "string", "integer", "[", "^(", ">=1"]
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5000) | st.sampled_from(_TEXTS),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["type", "default", "items", "enum", "pattern", "minimum", "a", "dev", "set", "overrides",
                         "include", "env", "file", "command", "generate", "length", "alphabet", "version", "aivp",
                         "providers", "resources", "values", "file.a", "X"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
_SECTIONS = ["aivp", "project", "requires", "include", "variables", "environments", "values", "defaults", "secrets",
             "hosts", "groups", "resources", "moved", "import", "removed", "providers", "other"]  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(document=st.dictionaries(st.sampled_from(_SECTIONS), _VALUES), environment=st.sampled_from([None, "dev", "a"]))
def test_no_shape_brings_it_down(document: object, environment: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("shape")
    (root / "aivp.yaml").write_text(json.dumps({"aivp": "v1", "project": "lab", **document}), "utf-8")  # type: ignore[dict-item]
    options = f"environment {environment}" if environment else ""
    outcome(root, options + "\nprocess AIVP_VAR_a=1\nvar a=[x\nvar dev=\n")
    shutil.rmtree(root)
