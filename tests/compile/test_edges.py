from __future__ import annotations

from typing import Any

import pytest

from .run import edges, refused, run, said


def of(resources: dict[str, Any], **more: Any) -> list[str]:
    return [line.replace("@lab", "") for line in edges({"resources": resources, **more})]


def test_depends_on_and_notify_order_what_they_name() -> None:
    data = {
        "file.conf": {"path": "/c", "notify": ["service.web", "service.other"]},
        "service.web": {"depends_on": "package.web"},
        "service.other": {},
        "package.web": {},
    }
    assert of(data) == [
        "file.conf notify service.other",
        "file.conf notify service.web",
        "package.web depends service.web",
    ]


def test_a_file_waits_for_the_nearest_folder_and_for_its_owner() -> None:
    data = {
        "file.root": {"path": "/srv", "state": "directory"},
        "file.sub": {"path": "/srv/a/b", "state": "directory", "owner": "bob"},
        "file.leaf": {"path": "/srv/a/b/c"},
        "file.other": {"path": "/srvx/a"},
        "user.bob": {},
        "command.run": {"argv": ["true"], "cwd": "/srv/a/b"},
    }
    assert of(data) == [
        "file.root implied file.sub",
        "file.sub implied command.run",
        "file.sub implied file.leaf",
        "user.bob implied file.sub",
    ]


def test_what_is_absent_goes_in_reverse() -> None:
    data = {
        "file.root": {"path": "/srv", "state": "absent"},
        "file.leaf": {"path": "/srv/x", "state": "absent"},
        "file.kept": {"path": "/srv/y"},
    }
    assert of(data) == ["file.leaf implied file.root", "file.root implied file.kept"]


def test_nothing_is_implied_across_hosts() -> None:
    hosts = {"a": {"transport": "local"}, "b": {"transport": "local"}}
    data = {"file.root": {"host": "a", "path": "/srv"}, "file.leaf": {"host": "b", "path": "/srv/x"}}
    assert edges({"hosts": hosts, "resources": data}) == []


def test_an_implied_edge_gives_way_to_what_people_wrote() -> None:
    data = {
        "file.root": {"path": "/srv", "depends_on": ["file.leaf"]},
        "file.leaf": {"path": "/srv/x"},
        "file.more": {"path": "/srv/y"},
    }
    assert of(data) == ["file.leaf depends file.root", "file.root implied file.more"]


def test_an_implied_edge_is_not_repeated_beside_a_written_one() -> None:
    data = {"file.root": {"path": "/srv"}, "file.leaf": {"path": "${file.root.path}/x"}}
    assert of(data) == ["file.root reference file.leaf"]


def test_many_implied_edges_against_written_ones_end_soon() -> None:
    files = {f"file.f{i}": {"path": "/d" + "/d" * i} for i in range(300)}
    files["file.f0"]["depends_on"] = ["file.f299"]
    assert len(of(files)) == 299


def test_a_circle_of_dependencies_is_told_with_its_chain() -> None:
    data = {
        "file.a": {"path": "/a", "notify": ["service.b"]},
        "service.b": {"depends_on": ["noop.c"]},
        "noop.c": {"depends_on": ["file.a"], "input": "${file.a.path}"},
        "noop.d": {"depends_on": ["noop.c"]},
    }
    data["file.a"]["depends_on"] = ["service.b"]
    (found,) = refused({"resources": data})
    assert found.code == "AIVP0220"
    assert "file.a@lab —notify→ service.b@lab —depends→ file.a@lab" in found.why
    assert [item.message for item in found.related] == ["file.a@lab", "service.b@lab"]


def test_a_group_and_a_user_that_each_need_the_other_first() -> None:
    data: dict[str, Any] = {"group.ops": {"members": ["bob"]}, "user.bob": {"group": "ops"}}
    (found,) = refused({"resources": data})
    assert (found.code, [item.message for item in found.related]) == ("AIVP0220", ["group.ops@lab", "user.bob@lab"])
    assert "user.bob@lab names group.ops@lab and group.ops@lab names user.bob@lab" in found.why
    data["user.bob"]["depends_on"] = "group.ops"
    assert of(data) == ["group.ops depends user.bob"]


@pytest.mark.parametrize(
    ("member", "target", "message"),
    [
        (
            "depends_on",
            "service.webb",
            "AIVP0203 R.depends_on.0: noop.r@lab refers to service.webb, which is not declared. Did",
        ),
        ("depends_on", "noop.r", "AIVP0220 R.depends_on.0: noop.r@lab names itself in depends_on."),
        ("depends_on", "noop.each", "AIVP0215 R.depends_on.0: noop.each may mean 2 resources"),
        ("depends_on", "noop.each[z]", "AIVP0203 R.depends_on.0: noop.each[z] is none of the instances of noop.each."),
        ("notify", "file.f", "AIVP0226 R.notify.0: notify names file.f@lab, but a file has nothing to refresh."),
        ("notify", "service.web@edge", "AIVP0203 R.notify.0"),
    ],
)
def test_a_wrong_target_is_told_with_its_place(member: str, target: str, message: str) -> None:
    data = {
        "noop.r": {member: [target]},
        "noop.each": {"for_each": ["a", "b"]},
        "service.web": {},
        "file.f": {"path": "/f"},
    }
    (found,) = said({"resources": data})
    assert found.replace("resources.noop.r", "R").startswith(message), found


def test_targets_that_are_not_declared_here_vanish() -> None:
    data = {
        "noop.r": {"depends_on": ["noop.off", "noop.none", "noop.some[*]"]},
        "noop.off": {"when": False},
        "noop.none": {"for_each": []},
        "noop.some": {"for_each": ["a", "b"], "when": {"each.key": "b"}},
    }
    assert of(data) == ["noop.some[b] depends noop.r"]


def test_lists_of_targets_leave_out_the_one_that_asks() -> None:
    data = {"noop.r": {"for_each": ["a", "b", "c"], "when": {"each.key": ["a", "b"]}}}
    data["noop.last"] = {"depends_on": ["noop.r[*]"]}
    assert of(data) == ["noop.r[a] depends noop.last", "noop.r[b] depends noop.last"]


def test_targets_may_hold_references() -> None:
    data = {
        "noop.each": {"for_each": ["a", "b"]},
        "noop.r": {"for_each": ["b"], "depends_on": ["noop.each[each.key]", "noop.each[${var.k}]"]},
    }
    with_paths = {"noop.each": data["noop.each"], "noop.r": {"depends_on": ["noop.each[${var.k}]"]}}
    assert of(with_paths, variables={"k": "a"}) == ["noop.each[a] depends noop.r"]
    assert of(data, variables={"k": "a"}) == ["noop.each[a] depends noop.r[b]", "noop.each[b] depends noop.r[b]"]


def test_edges_do_not_follow_the_order_of_declarations() -> None:
    data = {
        "file.root": {"path": "/srv"},
        "file.a": {"path": "/srv/a"},
        "file.b": {"path": "/srv/b", "depends_on": ["file.a"]},
    }
    backwards = dict(reversed(list(data.items())))
    assert run({"resources": data}).ir.encode() == run({"resources": backwards}).ir.encode()
