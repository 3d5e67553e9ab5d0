from __future__ import annotations

from typing import Any

import pytest

from aivp.model.expression import Fact
from aivp.model.resource import Lifecycle, Meta

from .run import refused, resources, run, said

HOSTS = {
    "lab": {"transport": "local", "labels": {"role": "lab"}},
    "web1": {
        "transport": "exec",
        "command": ["nsenter"],
        "labels": {"role": "web", "zone": "a"},
        "vars": {"keys": ["p", "q"]},
    },
    "web2": {"transport": "local", "labels": {"role": "web", "zone": "b"}, "vars": {"keys": ["q"]}},
}
GROUPS = {"web": {"labels": {"role": "web"}}, "some": {"hosts": ["lab"], "labels": {"zone": "b"}}}


def one(body: Any, kind: str = "noop", **more: Any) -> dict[str, Any]:
    """A project with three hosts, groups, and one resource."""
    return {"hosts": HOSTS, "groups": GROUPS, "resources": {f"{kind}.r": body}, **more}


@pytest.mark.parametrize(
    ("host", "places"),
    [
        ("lab", "lab"),
        (["web2", "lab", "lab"], "lab web2"),
        ("web", "web1 web2"),
        (["some", "web1"], "lab web1 web2"),
        ({"labels": {"role": "web", "zone": "a"}}, "web1"),
        ({"hosts": ["lab"]}, "lab"),
        ({"labels": {"role": "none"}}, ""),
        ([], ""),
        ("${var.where}", "web1"),
        (["${var.where}", "${values.also}"], "lab web1"),
    ],
)
def test_host_names_hosts_groups_and_selectors(host: Any, places: str) -> None:
    data = one({"host": host}, variables={"where": "web1"}, values={"also": "lab"})
    assert " ".join(address.split("@")[1] for address in resources(data)) == places


def test_the_only_host_need_not_be_named() -> None:
    assert list(resources({"resources": {"noop.r": {}}})) == ["noop.r@lab"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "AIVP0212 R:key: host is missing, and there is more than one host: lab, web1, web2."),
        ({"host": "web3"}, "AIVP0210 R.host: There is no host or group named web3. Did you mean web, web2 or web1?"),
        ({"host": 3}, "AIVP0211 R.host"),
        ({"host": {"label": {}}}, "AIVP0211 R.host.label: label is no member of a group or selector."),
        ({"host": {}}, "AIVP0211 R.host: A group or selector has hosts, labels or both."),
        ({"host": "${host.name}"}, "AIVP0202 R.host: ${host.name} stands where there is no host."),
        ({"host": "${noop.x.output}"}, "AIVP0205 R.host: ${noop.x.output} refers to a resource"),
        ({"host": "noop.r"}, "AIVP0211 R.host: noop.r is a resource, and no host: nothing can be done within a noop."),
        (
            {"host": "lab", "for_each": "${host.facts.cpus}"},
            "AIVP0205 R.for_each: Facts and secrets cannot be used here",
        ),
        (
            {"host": "lab", "for_each": True},
            "AIVP0209 R.for_each: for_each is a list of unique texts, a mapping, or a whole",
        ),
        ({"host": "lab", "for_each": -1}, "AIVP0209 R.for_each: for_each as a number is from 0 to 100000."),
        ({"host": "lab", "for_each": ["a", "a"]}, "AIVP0209 R.for_each.1: for_each holds a twice."),
        ({"host": "lab", "for_each": [1]}, "Keys are texts: quote numbers."),
        (
            {"host": "lab", "for_each": ["a\n"]},
            "AIVP0209 R.for_each.0: A key of for_each is 1 to 200 printable characters.",
        ),
        ({"host": "${each.key}", "for_each": "${host.vars.keys}"}, "AIVP0209 R.for_each: host depends on each"),
        ({"host": "lab", "when": 3}, "AIVP0208 R.when: when is a boolean reference"),
        ({"host": "lab", "when": "yes"}, "AIVP0208 R.when: when is a boolean reference"),
        ({"host": "lab", "when": {}}, "AIVP0208 R.when"),
        (
            {"host": "lab", "when": "${host.facts.os.id == 'debian'}"},
            (
                "AIVP0208 R.when: ${host.facts.os.id == 'debian'} is an expression, and there are none: a condition is"
                " a mapping of paths to values. Write when: {host.facts.os.id: debian}."
            ),
        ),
        ({"host": "lab", "when": 'host.facts.os.id!="debian"'}, "Write when: {not: {host.facts.os.id: debian}}."),
        ({"host": "lab", "when": "${var.n == 3}"}, "Write when: {var.n: 3}."),
        ({"host": "lab", "when": "${var.who == '3'}"}, 'Write when: {var.who: "3"}.'),
        ({"host": "lab", "when": "${var.who == 'no'}"}, 'Write when: {var.who: "no"}.'),
        ({"host": "lab", "when": "${host.facts.cpus > 2}"}, "such as when: {host.facts.os.id: debian}."),
        ({"host": "lab", "when": "ansible_distribution == 'Debian'"}, "such as when: {host.facts.os.id: debian}."),
        ({"host": "lab", "when": {"all": [{"any": [{"host.fats.x": 1}]}]}}, "AIVP0202 R.when.all.0.any.0.host.fats.x"),
        (
            {"host": "lab", "when": {"file.x.path": "/a"}},
            "AIVP0201 R.when.file.x.path: file.x.path is no path of a condition.",
        ),
        ({"host": "lab", "when": {"host.facts.cpus": "2"}}, 'is of type integer, so it is never "2"'),
        ({"host": "lab", "when": {"host.name": []}}, "AIVP0208 R.when.host.name"),
        (
            {"host": "lab", "lifecycle": {"prevent": True}},
            "AIVP0211 R.lifecycle.prevent: prevent is no member of lifecycle.",
        ),
        ({"host": "lab", "lifecycle": {"retain": "yes"}}, "AIVP0211 R.lifecycle.retain: retain is true or false."),
        ({"host": "lab", "lifecycle": {"create_before_destroy": True}}, "AIVP0211 R.lifecycle.create_before_destroy"),
        (
            {"host": "lab", "lifecycle": {"ignore_changes": ["inpt"]}},
            "AIVP0301 R.lifecycle.ignore_changes.0: ignore_changes: noop",
        ),
        ({"host": "lab", "lifecycle": {"on_host_destroy": "keep"}}, "on_host_destroy is one of delete, forget."),
        ({"host": "lab", "meta": {"timeout": "5 years"}}, "AIVP0211 R.meta.timeout: timeout: a duration is seconds"),
        (
            {"host": "lab", "meta": {"retries": 101}},
            "AIVP0211 R.meta.retries: retries is a whole number from 0 to 100.",
        ),
        ({"host": "lab", "meta": {"labels": {"a": 1}}}, "AIVP0211 R.meta.labels"),
        ({"host": "lab", "depends_on": 3}, "AIVP0211 R.depends_on: depends_on is a list of texts."),
        (
            {"host": "lab", "depends_on": ["file.x.path"]},
            "AIVP0201 R.depends_on.0: depends_on: file.x.path is no address of a",
        ),
        ({"host": "lab", "notify": "service"}, "AIVP0201 R.notify: notify"),
        ([], "AIVP0211 R: noop.r is a mapping of fields."),
    ],
)
def test_a_wrong_reserved_member_says_what_is_wrong_and_where(body: Any, message: str) -> None:
    (found,) = said(one(body))
    assert message in found.replace("resources.noop.r", "R"), found


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ({"transport": "pull"}, "AIVP0213 hosts.h.transport: transport pull comes with pull mode"),
        ({"transport": "guest"}, "AIVP0211 hosts.h.transport: what a resource makes, such as a VM, is not"),
        (
            {"transport": "ssh", "adress": "x"},
            "AIVP0211 hosts.h.adress: adress is no member of a host with transport ssh",
        ),
        ({"transport": "ssh", "address": "-oProxyCommand=x"}, "AIVP0211 hosts.h.address: address of a host is a host"),
        ({"transport": "ssh", "address": "a\nb"}, "AIVP0211 hosts.h.address"),
        ({"transport": "ssh", "address": "a;reboot"}, "AIVP0211 hosts.h.address"),
        ({"transport": "ssh", "address": "me@a"}, "AIVP0211 hosts.h.address"),
        ({"transport": "ssh", "user": "-l"}, "AIVP0211 hosts.h.user: user of a host is the name of an account."),
        ({"transport": "ssh", "port": 0}, "AIVP0211 hosts.h.port: port of a host is a whole number from 1 to 65535."),
        ({"transport": "ssh", "identity_file": "keys/a"}, "AIVP0211 hosts.h.identity_file: identity_file of a host is"),
        ({"transport": "ssh", "jump": ["a", "-b"]}, "AIVP0211 hosts.h.jump: jump of a host is [USER@]HOST[:PORT]"),
        ({"transport": "ssh", "become": "su"}, "AIVP0211 hosts.h.become: become of a host is one of sudo."),
        ({"transport": "ssh", "become": {"pasword": "x"}}, "AIVP0211 hosts.h.become.pasword: pasword is no member"),
        ({"transport": "ssh", "become": {"password": "x"}}, "AIVP0308 hosts.h.become.password: The password in become"),
        ({"transport": "ssh", "user": "${secret.s}"}, "AIVP0205 hosts.h.user"),
        (
            {"transport": "locl"},
            "AIVP0211 hosts.h.transport: transport of a host is local, exec or ssh. Did you mean local?",
        ),
        ({}, "AIVP0211 hosts.h.transport: transport of a host is local, exec or ssh."),
        ({"transport": "exec"}, "AIVP0211 hosts.h.command: command of an exec host is a list of texts, at least 1."),
        ({"transport": "exec", "command": "nsenter"}, "AIVP0211 hosts.h.command"),
        ({"transport": "local", "command": ["x"]}, "AIVP0211 hosts.h.command: command is no member of a host with"),
        ({"transport": "local", "labels": {"a": 1}}, "AIVP0211 hosts.h.labels"),
        ({"transport": "local", "vars": ["a"]}, "AIVP0211 hosts.h.vars"),
        (
            {"transport": "local", "vars": {"a": "${secret.s}"}},
            "AIVP0205 hosts.h.vars.a: Facts and secrets cannot be used here",
        ),
        ("local", "AIVP0211 hosts.h: a host is a mapping."),
    ],
)
def test_a_wrong_host_says_what_is_wrong_and_where(host: Any, message: str) -> None:
    (found,) = said({"hosts": {"h": host}, "secrets": {"s": {"env": "S"}}})
    assert message in found, found


def test_hosts_and_groups_share_one_namespace() -> None:
    (found,) = refused({"hosts": HOSTS, "groups": {"lab": {"hosts": ["web1"]}}})
    assert (found.code, found.related[0].message) == ("AIVP0211", "the host lab")


def test_an_unknown_host_of_a_group_is_refused() -> None:
    assert said({"hosts": HOSTS, "groups": {"g": {"hosts": ["lob"]}}})[0].startswith(
        "AIVP0210 groups.g.hosts.0: There is no host"
    )


def test_hosts_stand_in_the_ir_without_labels_and_vars() -> None:
    ir = run(one({"host": "lab"})).ir
    assert ir.form()["hosts"]["web1"] == {"transport": "exec", "connection": {"command": ["nsenter"]}}


def test_kinds_of_the_controller_have_no_host() -> None:
    data = {"hosts": HOSTS, "resources": {"acme/zone.z": {"zone": "eu"}}}
    compiled = run(data)
    assert list(compiled.ir.resources) == ["acme/zone.z@controller"]
    assert compiled.ir.hosts["controller"].transport == "local"
    assert list(compiled.ir.manifests) == ["acme"]
    data["resources"]["acme/zone.z"]["host"] = "lab"
    assert "served on the controller" in said(data)[0]


@pytest.mark.parametrize(
    ("for_each", "found"),
    [
        (3, {"0": 0, "1": 1, "2": 2}),
        (["b", "a"], {"a": "a", "b": "b"}),
        ({"y": {"v": 1}, "x": 2}, {"x": 2, "y": {"v": 1}}),
        ("${var.n}", {"0": 0, "1": 1}),
        ([], {}),
        (0, {}),
        (["a b", "ä"], {'"a b"': "a b", '"ä"': "ä"}),
    ],
)
def test_for_each_gives_keys_and_values(for_each: Any, found: dict[str, Any]) -> None:
    data = {"variables": {"n": 2}, "resources": {"noop.r": {"for_each": for_each, "input": "${each.value}"}}}
    assert {a: item["input"] for a, item in resources(data).items()} == {
        f"noop.r[{k}]@lab": v for k, v in found.items()
    }


def test_for_each_may_look_at_the_host_and_host_at_each() -> None:
    by_host = one({"host": "web", "for_each": "${host.vars.keys}"})
    assert list(resources(by_host)) == ["noop.r[p]@web1", "noop.r[q]@web1", "noop.r[q]@web2"]
    by_key = one({"host": "${each.value}", "for_each": {"a": "lab", "b": ["web1", "web2"]}})
    assert list(resources(by_key)) == ["noop.r[a]@lab", "noop.r[b]@web1", "noop.r[b]@web2"]


def test_the_identity_defaults_to_name_and_key() -> None:
    found = resources(
        {"resources": {"package.vim": {}, "package.lib": {"for_each": ["a", "b"]}, "package.x": {"name": "y"}}}
    )
    assert [item["name"] for item in found.values()] == ["lib-a", "lib-b", "vim", "y"]


def test_defaults_are_shallow_and_the_resource_wins() -> None:
    data = {
        "hosts": HOSTS,
        "defaults": {
            "noop": {"host": "web1", "input": {"a": 1, "b": 2}, "meta": {"retries": 2}, "lifecycle": {"retain": True}}
        },
        "resources": {"noop.a": {}, "noop.b": {"host": "lab", "input": {"a": 3}, "meta": {"timeout": "1m"}}},
    }
    ir = run(data).ir
    assert [item.attributes["input"] for item in ir.resources.values()] == [{"a": 1, "b": 2}, {"a": 3}]
    assert [item.meta for item in ir.resources.values()] == [Meta(retries=2), Meta(timeout=60)]
    assert ir.resources["noop.a@web1"].lifecycle == Lifecycle(retain=True)


def test_null_takes_a_default_back() -> None:
    data = {"variables": {"nobody": None}, "defaults": {"file": {"owner": "root", "mode": "0600"}}}
    data["resources"] = {"file.a": {"path": "/a", "owner": None, "mode": "${var.nobody}"}}
    assert resources(data)["file.a@lab"] == {"path": "/a", "state": "file"}


def test_defaults_that_a_rule_forbids_stay_away() -> None:
    data = {
        "defaults": {"file": {"owner": "root", "mode": "0600", "content": "x"}},
        "resources": {
            "file.a": {"path": "/a", "state": "absent"},
            "file.b": {"path": "/b", "template": {"inline": "t"}},
        },
    }
    found = resources(data)
    assert found["file.a@lab"] == {"path": "/a", "state": "absent"}
    assert found["file.b@lab"]["content"] == "t"


def test_a_rule_sees_the_schemas_default() -> None:
    from aivp.compile import compile_project
    from aivp.diagnostics import Refused
    from aivp.plugins import Registry

    from .manifest import FILE, HOST_MANIFEST
    from .projects import project

    rule = {"when": {"state": ["file"]}, "forbidden": ["tags"]}
    registry = Registry.of([{**HOST_MANIFEST, "kinds": {"file": {**FILE, "rules": [rule]}}}])
    defaults = {"file": {"tags": ["a"]}}
    found = compile_project(project({"defaults": defaults, "resources": {"file.a": {"path": "/a"}}}), registry)
    assert "tags" not in found.ir.resources["file.a@lab"].attributes
    with pytest.raises(Refused, match=r"AIVP0304: file.a@lab: tags is not admitted where state is"):
        compile_project(project({"resources": {"file.a": {"path": "/a", "tags": []}}}), registry)


@pytest.mark.parametrize(
    ("defaults", "message"),
    [
        (
            {"fil": {}},
            "AIVP0300 defaults.fil:key: defaults: no installed provider serves the kind fil. Did you mean file?",
        ),
        (
            {"file": {"ownr": 1}},
            "AIVP0301 defaults.file.ownr:key: defaults of file cannot hold ownr. Did you mean owner?",
        ),
        (
            {"file": {"when": True}},
            "AIVP0301 defaults.file.when:key: defaults of file cannot hold when. It stands on resources only.",
        ),
        ({"file": []}, "AIVP0211 defaults.file: defaults of file is a mapping of fields."),
    ],
)
def test_wrong_defaults_are_told_even_unused(defaults: Any, message: str) -> None:
    assert said({"defaults": defaults}) == [message]


def test_a_mistake_in_defaults_points_there() -> None:
    assert said(
        {"defaults": {"file": {"owner": 3}}, "resources": {"file.a": {"path": "/a"}, "file.b": {"path": "/b"}}}
    ) == ["AIVP0302 defaults.file.owner: file.a@lab.owner: expected text, found 3."]


def test_unknown_kinds_and_names_are_told_at_once() -> None:
    found = said({"resources": {"fiel.a": {}, "Bad.x": {}, "file": {}}})
    assert [line.split(". ")[0] for line in found] == [
        "AIVP0211 resources.Bad.x:key: Bad.x is no kind.name",
        "AIVP0300 resources.fiel.a:key: fiel.a: no installed provider serves the kind fiel",
        "AIVP0211 resources.file:key: file is no kind.name",
    ]
    assert found[1].endswith("Did you mean file?")


ARCH = Fact("lab", ("arch",))


@pytest.mark.parametrize(
    ("when", "rest"),
    [
        (True, None),
        ("${var.yes}", None),
        ({"var.n": 2}, None),
        ({"var.n": [1, 2]}, None),
        ({"host.name": "lab", "environment.name": ["main", "dev"]}, None),
        ({"not": {"var.n": 3}}, None),
        ({"any": [{"var.n": 3}, {"var.n": 2}]}, None),
        ({"any": [{"host.facts.arch": "x"}, {"var.n": 2}]}, None),
        ({"host.facts.arch": "x86_64"}, {"test": ARCH, "any_of": ["x86_64"]}),
        ({"host.facts.arch": ["b", "a"], "var.n": 2}, {"test": ARCH, "any_of": ["a", "b"]}),
        ({"not": {"host.facts.arch": "a"}}, {"not": {"test": ARCH, "any_of": ["a"]}}),
        ({"any": [{"host.facts.arch": "a"}, {"var.n": 3}]}, {"test": ARCH, "any_of": ["a"]}),
        (
            {"all": [{"host.facts.arch": "b"}, {"host.facts.arch": "a"}]},
            {"all": [{"test": ARCH, "any_of": ["a"]}, {"test": ARCH, "any_of": ["b"]}]},
        ),
        ("${host.facts.user.is_root}", {"test": Fact("lab", ("user", "is_root")), "any_of": [True]}),
        ({"var.n": "${values.two}"}, None),
    ],
)
def test_when_is_decided_as_far_as_it_can_be(when: Any, rest: Any) -> None:
    data = {"variables": {"n": 2, "yes": True}, "values": {"two": 2}, "resources": {"noop.r": {"when": when}}}
    assert run(data).ir.resources["noop.r@lab"].when == rest


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (False, "when is false"),
        ("${var.no}", "when: ${var.no} is false"),
        ({"var.n": 3}, "when: var.n is 2, not 3"),
        ({"var.n": "2"}, 'when: var.n is 2, not "2"'),
        ({"host.facts.arch": "x", "var.n": [3, 4]}, "when: var.n is 2, not 3 or 4"),
        ({"not": {"var.n": 2}}, "when: what must not hold does"),
        ({"any": [{"var.n": 3}, {"var.n": 4}]}, "when: var.n is 2, not 3; when: var.n is 2, not 4"),
    ],
)
def test_what_when_leaves_out_keeps_its_reason(when: Any, reason: str) -> None:
    data = {"variables": {"n": 2, "no": False}, "resources": {"noop.r": {"when": when}}}
    compiled = run(data)
    assert compiled.ir.resources == {}
    assert compiled.left_out == {"noop.r@lab": reason}


def test_when_differs_from_host_to_host() -> None:
    data = one({"host": ["lab", "web1"], "when": {"host.name": "lab"}})
    assert list(run(data).ir.resources) == ["noop.r@lab"]
    assert list(run(data).left_out) == ["noop.r@web1"]


def test_kinds_that_come_later_or_from_others_say_so() -> None:
    (agent,) = said({"resources": {"agent.a": {"model": "small"}}})
    assert agent.startswith("AIVP0213 resources.agent.a:key: agent.a: the kind agent comes with AI agents and is")
    (other,) = said({"resources": {"other/queue.a": {}}})
    assert "Install the provider other beside aivp" in other
