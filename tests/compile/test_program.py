from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aivp.diagnostics import Refused
from aivp.diagnostics.catalogue import SUMMARIES
from aivp.model.resource import read_ir

from .run import run, said

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas/ir/v1.json").read_text())

BIG: dict[str, Any] = {
    "project": "big",
    "environment": "prod",
    "variables": {"n": 2},
    "values": {"v": {"x": [1, "${var.n}"]}},
    "secrets": {"s": {"env": "S"}, "g": {"generate": {"length": 32}, "version": "3"}},
    "defaults": {"file": {"owner": "root"}},
    "hosts": {
        "a": {"transport": "local", "labels": {"r": "x"}},
        "b": {"transport": "exec", "command": ["sh"], "labels": {"r": "x"}, "vars": {"p": 1}},
    },
    "groups": {"all": {"labels": {"r": "x"}}},
    "resources": {
        "file.dir": {"host": "all", "path": "/srv", "state": "directory", "lifecycle": {"prevent_destroy": True}},
        "file.f": {
            "host": "all",
            "for_each": {"one": 1, "two": 2},
            "path": "/srv/${each.key}",
            "template": {"inline": "{{ a }} {{ s }}"},
            "vars": {"a": "${noop.n.output}", "s": "x${secret.s}${host.facts.arch}"},
            "notify": ["service.s"],
            "meta": {"timeout": 60, "labels": {"l": "m"}},
        },
        "noop.n": {"host": "all", "input": "${values.v}", "when": {"host.facts.os.id": ["debian", "ubuntu"]}},
        "noop.o": {"host": "b", "input": {"when": "${noop.n.output.deep[0]}"}},
        "service.s": {"host": "all", "when": {"any": [{"host.facts.os.id": "x"}, {"not": {"host.facts.cpus": 1}}]}},
        "acme/zone.z": {"zone": "${secret.g}"},
    },
    "moved": [{"from": "file.old", "to": "file.dir"}],
    "import": [{"address": "service.s@a", "identity": "s"}],
    "removed": [{"address": "file.gone@a", "destroy": True}],
}


def test_the_ir_has_the_published_form_and_can_be_read_back() -> None:
    ir = run(BIG).ir
    form = json.loads(ir.encode())
    jsonschema.Draft202012Validator(SCHEMA).validate(form)
    assert read_ir(ir.encode()).encode() == ir.encode()


@pytest.mark.parametrize("part", ["resources", "hosts", "edges", "secrets"])
def test_the_published_form_is_strict(part: str) -> None:
    form = json.loads(run(BIG).ir.encode())
    form[part] = {"x": {"y": 1}}
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(form)


def shuffled(value: Any) -> Any:
    """The same with every mapping turned round."""
    if isinstance(value, Mapping):
        return {key: shuffled(item) for key, item in reversed(list(value.items()))}
    return value


def test_the_bytes_do_not_follow_order_or_hash_seeds() -> None:
    code = "import sys; from tests.compile.test_program import BIG, run; sys.stdout.buffer.write(run(BIG).ir.encode())"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "providers/contract")])
    found = {run(BIG).ir.encode(), run(shuffled(BIG)).ir.encode()}
    for seed in ("1", "2", "77"):
        env = {"PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        found.add(subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True).stdout)
    assert len(found) == 1


@pytest.mark.parametrize(
    "path",
    [
        ("project",),
        ("environment",),
        ("variables", "n"),
        ("hosts", "b", "command"),
        ("hosts", "b", "labels", "r"),
        ("resources", "file.dir", "path"),
        ("resources", "file.f", "template", "inline"),
        ("resources", "file.f", "vars", "a"),
        ("resources", "noop.n", "when", "host.facts.os.id"),
        ("secrets", "g", "version"),
        ("removed", 0, "destroy"),
    ],
)
def test_a_change_of_meaning_changes_the_bytes(path: tuple[Any, ...]) -> None:
    data = json.loads(json.dumps(BIG))
    place = data
    for step in path[:-1]:
        place = place[step]
    old = place[path[-1]]
    place[path[-1]] = {bool: lambda: not old, int: lambda: old + 1, str: lambda: old + "x", list: lambda: [*old, "x"]}[
        type(old)
    ]()
    assert run(data).ir.encode() != run(BIG).ir.encode()


def test_only_used_providers_are_pinned() -> None:
    assert list(run(BIG).ir.manifests) == ["acme", "host"]
    assert list(run({"resources": {"noop.a": {}}}).ir.manifests) == ["host"]


def test_positions_stand_beside_the_ir() -> None:
    compiled = run(BIG)
    assert str(compiled.sources.span("file.dir@a", "path")) == "resources.file.dir.path:1:1"
    assert str(compiled.sources.span("file.dir@a", "owner")) == "defaults.file.owner:1:1"
    assert str(compiled.sources.span("file.dir@a", "mode")) == "resources.file.dir:key:1:1"
    assert compiled.sources.span("file.none@a") is None


@pytest.mark.parametrize(
    ("wanted", "messages"),
    [
        ({"host": ">=1.2,<2"}, []),
        (
            {"host": ">=2"},
            ["AIVP0313 requires.providers.host: The project requires the provider host >=2; 1.2.0 is installed."],
        ),
        (
            {"hots": ">=1"},
            ["AIVP0313 requires.providers.hots:key: The provider hots is not installed. Did you mean host?"],
        ),
    ],
)
def test_required_providers_are_installed(wanted: Any, messages: list[str]) -> None:
    found = [line.removesuffix(" Install a version that fits.") for line in said({"requires": {"providers": wanted}})]
    assert found == messages


def test_an_empty_project_compiles() -> None:
    assert run({"hosts": {}}).ir.resources == {}


NAMES = st.sampled_from(["file.a", "noop.b", "user.c", "service.d", "command.e", "acme/zone.f", "noop.g"])
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        "${noop.b.input} ${noop.b.output} ${file.a.path} ${var.v} ${values.w} ${values.w.x[0]} ${each.key} ${host.name}"
        " ${each.value.x} ${host.facts.arch} ${secret.s} a${secret.s}b${host.facts.cpus} $${x} ${noop.b[*].input@*} lab"
        " edge ${noop.b[*].input} ${noop.g.input.x} /path service.d noop.b[x] noop.g ${file.a.content} 0644"
        " host.facts.arch ${noop.b[each.key].input}".split()
    ),
    st.lists(st.sampled_from(list("${}[].@*\"'ax0 ")) | NAMES, max_size=12).map("".join),
    st.lists(st.sampled_from(list('[].@*"ax0')) | NAMES, max_size=8).map(lambda parts: "${" + "".join(parts) + "}"),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.sampled_from(
    "host for_each when depends_on notify lifecycle meta path content template vars source state mode input name tags"
    " argv cwd uid keys owner running zone nothing".split()
)
BODIES = st.dictionaries(MEMBERS, VALUES, max_size=5)
SECTIONS = st.fixed_dictionaries(
    {
        "hosts": st.just({"lab": {"transport": "local"}})
        | st.dictionaries(st.sampled_from(["lab", "edge"]), VALUES | BODIES),
        "resources": st.dictionaries(NAMES, BODIES, max_size=5),
    },
    optional={
        "variables": st.dictionaries(st.sampled_from(["v"]), VALUES),
        "values": st.dictionaries(st.sampled_from(["w", "x"]), VALUES),
        "groups": st.dictionaries(st.sampled_from(["g", "lab"]), VALUES),
        "defaults": st.dictionaries(st.sampled_from(["file", "noop", "x"]), BODIES),
        "secrets": st.just({"s": {"env": "S"}}),
        "moved": st.lists(st.dictionaries(st.sampled_from(["from", "to"]), TEXTS | NAMES), max_size=2),
        "import": st.lists(st.dictionaries(st.sampled_from(["address", "identity"]), VALUES | NAMES), max_size=2),
        "removed": st.lists(st.dictionaries(st.sampled_from(["address", "destroy"]), VALUES | NAMES), max_size=2),
    },
)


LIKELY = st.fixed_dictionaries(
    {
        "variables": st.just({"v": {"x": [1]}}),
        "values": st.just({"w": {"x": ["${var.v.x[0]}", True]}}),
        "secrets": st.just({"s": {"env": "S"}}),
        "hosts": st.just({"lab": {"transport": "local", "vars": {"k": "x"}}, "edge": {"transport": "local"}}),
        "resources": st.fixed_dictionaries(
            {
                "noop.b": st.fixed_dictionaries(
                    {"input": VALUES},
                    optional={
                        "host": st.sampled_from(["lab", ["lab", "edge"], {"hosts": ["edge"]}]),
                        "for_each": st.sampled_from([2, ["x"], {"x": {"x": 1}, "y": {"x": "${var.v.x[0]}"}}, []]),
                        "when": st.sampled_from(
                            [True, {"host.name": "lab"}, {"host.facts.arch": "x"}, {"each.key": "x"}]
                        ),
                    },
                ),
                "noop.g": st.fixed_dictionaries(
                    {"input": VALUES, "host": st.sampled_from(["lab", ["lab", "edge"]])},
                    optional={
                        "depends_on": st.sampled_from(["noop.b", ["file.a", "noop.b[*]"], "noop.b[*]@*"]),
                        "notify": st.sampled_from(["service.d", "noop.b[x]", "command.e"]),
                    },
                ),
                "file.a": st.fixed_dictionaries({"path": st.just("/path"), "host": st.just("lab"), "content": TEXTS}),
                "service.d": st.just({"host": ["lab", "edge"], "running": "${noop.g.output}"}),
            }
        ),
    }
).map(lambda data: {**data, "defaults": {"noop": {"host": "lab"}}})


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(SECTIONS | LIKELY)
def test_whatever_is_written_compiles_or_is_refused_with_known_codes(data: dict[str, Any]) -> None:
    try:
        ir = run(data).ir
    except Refused as refused:
        codes = {item.code for item in refused.diagnostics}
    else:
        codes = set()
        assert read_ir(ir.encode()).encode() == ir.encode()
        jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(ir.encode()))
    assert codes <= SUMMARIES.keys()
