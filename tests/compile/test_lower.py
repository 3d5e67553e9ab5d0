from __future__ import annotations

from typing import Any

import pytest

from aivp.model.expression import Ref, secret

from .run import refused, resources, run, said


def test_attributes_come_in_normal_form_with_the_schemas_defaults() -> None:
    data = {
        "resources": {
            "file.a": {"path": "//srv//a/", "mode": "644", "tags": ["b", "a", "b"], "owner": None},
            "command.c": {"argv": ["true"], "timeout": "2m", "cwd": "/tmp/."},
            "user.u": {"keys": [{"key": "k"}]},
        }
    }
    found = resources(data)
    assert found["file.a@lab"] == {"path": "/srv/a", "mode": "0644", "tags": ["a", "b"], "state": "file"}
    assert found["command.c@lab"] == {"name": "c", "argv": ["true"], "timeout": 120, "cwd": "/tmp"}
    assert found["user.u@lab"] == {"name": "u", "keys": [{"key": "k", "kind": "ed25519"}]}


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ({"path": "a"}, ["AIVP0302 R.path: file.r@lab.path: a path on a host is absolute."]),
        ({"path": "/a/../b"}, ["AIVP0302 R.path: file.r@lab.path: a path on a host has no .. in it."]),
        (
            {"path": "/a", "mode": "u+x"},
            ['AIVP0302 R.mode: file.r@lab.mode: a mode is quoted octal such as "0644", or'],
        ),
        ({"path": "/a", "mode": 420}, ["AIVP0302 R.mode: file.r@lab.mode: expected text, found 420."]),
        ({}, ["AIVP0302 R:key: file.r@lab: path is missing."]),
        (
            {"path": "/a", "onwer": "x"},
            ["AIVP0301 R.onwer:key: file.r@lab: onwer is no known field here. Did you mean owner?"],
        ),
        (
            {"path": "/a", "state": "filee"},
            ['AIVP0302 R.state: file.r@lab.state: expected "file", "directory" or "absent", found'],
        ),
        (
            {"path": "/a", "digest": "x"},
            ["AIVP0303 R.digest:key: file.r@lab: digest is set by the provider and cannot be"],
        ),
        (
            {"path": "/a", "content": "a", "source": "b"},
            ["AIVP0304 R.source:key: file.r@lab: only one of content, source, template is"],
        ),
        (
            {"path": "/a", "content": "a", "state": "absent"},
            ['AIVP0304 R.content:key: file.r@lab: content is not admitted where state is "absent".'],
        ),
        (
            {"path": "/a", "target": "b"},
            ['AIVP0304 R.target:key: file.r@lab: target is not admitted where state is "file".'],
        ),
        ({"path": "/a", "template": {"inlin": "x"}}, ["AIVP0302 R.template", "AIVP0301 R.template.inlin:key"]),
        ({"path": 1, "mode": 2, "z": 3}, ["AIVP0302 R.mode", "AIVP0302 R.path", "AIVP0301 R.z:key"]),
    ],
)
def test_what_does_not_fit_its_kind_is_told_with_its_place(body: Any, messages: list[str]) -> None:
    found = said({"resources": {"file.r": body}})
    assert len(found) == len(messages)
    for line, message in zip(found, messages, strict=True):
        assert line.replace("resources.file.r", "R").startswith(message), line


def test_values_that_are_known_later_fit_everywhere() -> None:
    data = {
        "secrets": {"s": {"env": "S"}},
        "resources": {
            "noop.n": {},
            "file.r": {"path": "${noop.n.output}", "tags": ["${noop.n.output}", "b"], "mode": "${noop.n.output}"},
            "user.u": {"uid": "${noop.n.output.uid}", "password": "${secret.s}"},
        },
    }
    found = resources(data)
    assert found["file.r@lab"]["path"] == Ref("noop.n@lab", ("output",))
    assert found["user.u@lab"]["password"] == secret("s", "1")


def test_one_mistake_on_many_hosts_is_told_once() -> None:
    hosts = {f"h{i}": {"transport": "local"} for i in range(5)}
    data = {
        "hosts": hosts,
        "resources": {"file.r": {"host": list(hosts), "path": "/a", "mode": "x", "tags": "${var.no}"}},
    }
    assert len(said(data)) == 2  # mode and tags
    data["resources"]["file.r"]["tags"] = []
    assert len(said(data)) == 1


def test_one_real_thing_is_declared_once() -> None:
    data = {"resources": {"file.a": {"path": "/srv/x"}, "file.b": {"path": "/srv//x/"}}}
    (found,) = refused(data)
    assert (found.code, found.why) == ("AIVP0222", "file.b@lab and file.a@lab are the same file: path /srv/x.")
    assert found.span is not None
    assert found.span.file == "resources.file.b:key"
    assert found.related[0].span.file == "resources.file.a:key"


def test_conditions_on_facts_leave_clashes_to_bind() -> None:
    data = {
        "resources": {
            "file.a": {"path": "/x", "when": {"host.facts.arch": "a"}},
            "file.b": {"path": "/x", "when": {"not": {"host.facts.arch": "a"}}},
        }
    }
    assert len(run(data).ir.resources) == 2


def test_a_secret_stays_out_of_what_others_can_see() -> None:
    from aivp.compile import compile_project
    from aivp.diagnostics import Refused
    from aivp.plugins import Registry

    from .manifest import COMMAND, HOST_MANIFEST
    from .projects import project

    argv = {**COMMAND["schema"]["properties"]["argv"], "x-aivp": {"exposed": True}}
    kind = {**COMMAND, "schema": {**COMMAND["schema"], "properties": {**COMMAND["schema"]["properties"], "argv": argv}}}
    registry = Registry.of([{**HOST_MANIFEST, "kinds": {"command": kind, "noop": HOST_MANIFEST["kinds"]["noop"]}}])
    for text in ("${secret.s}", "p=${secret.s}", "${noop.n.output}${secret.s}"):
        data = {"secrets": {"s": {"env": "S"}}, "resources": {"noop.n": {}, "command.c": {"argv": ["x", text]}}}
        with pytest.raises(Refused) as caught:
            compile_project(project(data), registry)
        assert [item.code for item in caught.value.diagnostics] == ["AIVP0306"]
