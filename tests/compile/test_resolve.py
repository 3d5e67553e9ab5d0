from __future__ import annotations

from typing import Any

import pytest
from aivp_contract.values import Secret

from aivp.model.expression import Fact, Ref, Text, secret

from .run import edges, resources, said

LAB = {"lab": {"transport": "local", "vars": {"port": 80, "list": ["a", "b"]}, "labels": {"role": "web"}}}
TWO = {**LAB, "edge": {"transport": "local"}}


def noop(value: Any, **more: Any) -> dict[str, Any]:
    """A project whose resource noop.it has `value` as its input, beside some targets."""
    return {
        "hosts": LAB,
        "variables": {"n": 3, "who": "me", "map": {"a": {"b": [1, 2]}}, "key": "a"},
        "values": {"greeting": "hello ${var.who}", "deep": {"x": ["${values.greeting}", "${var.n}"]}},
        "secrets": {"db": {"env": "DB"}, "pin": {"env": "PIN", "version": "7"}},
        "resources": {
            "noop.it": {"input": value},
            "file.a": {"path": "/a", "content": "text of a", "tags": ["x", "y"]},
            "service.s": {"running": True},
            "noop.each": {"for_each": ["k1", "k2"], "input": "${each.key}"},
            **more,
        },
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain $ text $x", "plain $ text $x"),
        ("$${literal}", "${literal}"),
        ("$$${literal}", "$${literal}"),
        ("${var.n}", 3),
        ("n=${var.n}", "n=3"),
        ("${var.map}", {"a": {"b": [1, 2]}}),
        ("${var.map.a.b[1]}", 2),
        ('${var.map["a"].b[0]}', 1),
        ("${var.map[var.key].b}", [1, 2]),
        ("${values.greeting}!", "hello me!"),
        ("${values.deep}", {"x": ["hello me", 3]}),
        ("${host.name}", "lab"),
        ("${host.vars.port}", 80),
        ("${host.vars.list[1]}", "b"),
        ("${environment.name}/${project.name}", "main/test"),
        ("${file.a.path}", "/a"),
        ("${file.a.content}${file.a.tags[1]}", "text of ay"),
        ("${service.s.running}", True),
        ("is ${service.s.running}", "is true"),
        ("${service.s.name}", "s"),
        ("${file.a.state}", "file"),
        ("${file.a.digest}", Ref("file.a@lab", ("digest",))),
        ("d ${file.a.digest}", Text(("d ", Ref("file.a@lab", ("digest",))))),
        ("${service.s.pid}", Ref("service.s@lab", ("pid",))),
        ("${noop.each[k1].input}", "k1"),
        ('${noop.each["k2"].input@lab}', "k2"),
        ("${noop.each[*].input}", ["k1", "k2"]),
        ("${noop.each[*].output}", [Ref("noop.each[k1]@lab", ("output",)), Ref("noop.each[k2]@lab", ("output",))]),
        ("${file.a.path@*}", ["/a"]),
        ("${host.facts.os.id}", Fact("lab", ("os", "id"))),
        ("on ${host.facts.cpus}", Text(("on ", Fact("lab", ("cpus",))))),
        ("${secret.db}", secret("db", "1")),
        ("p:${secret.pin}", Secret({"text": ["p:", {"secret": "pin", "version": "7"}]})),
        ("${secret.db}@${host.facts.arch}", Text((secret("db", "1"), "@", Fact("lab", ("arch",))))),
        ({"${var.n}": "${var.n}"}, {"${var.n}": 3}),
        (["${var.n}", {"a": "${var.who}"}], [3, {"a": "me"}]),
    ],
)
def test_a_reference_becomes_its_value(text: Any, value: Any) -> None:
    assert resources(noop(text))["noop.it@lab"]["input"] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${HOME}", "AIVP0201 ${HOME} is no reference: it starts with no name. Write $${ for a literal ${."),
        ("a ${ var.n }", "AIVP0201 ${ var.n } is no reference: it starts with no name. Write $${ for a literal ${."),
        ("${var.n", "AIVP0201 ${var.n is no reference. Write $${ for a literal ${."),
        ("${var.n + 1}", "AIVP0201 ${var.n + 1} is no reference. Write $${ for a literal ${."),
        (
            "${file}",
            "AIVP0201 ${file} is no reference: a resource is kind.name, and file lacks the name. Write $${ for a",
        ),
        ("${var.m}", "AIVP0202 ${var.m} refers to the variable m, which is not declared. Declared: key, map, n, who."),
        ("${var.whoo}", "AIVP0202 ${var.whoo} refers to the variable whoo, which is not declared. Did you mean who?"),
        ("${values.greting}", "Did you mean greeting?"),
        ("${secret.bd}", "AIVP0202 ${secret.bd} refers to a secret that is not declared. Declared: db, pin."),
        ("${secret.db.x}", "AIVP0221"),
        ("${each.key}", "AIVP0202 ${each.key} stands where there is no for_each."),
        (
            "${host.facts.ansible_distribution}",
            "AIVP0204 host.facts.ansible_distribution is no known fact. Did you mean os.id?",
        ),
        ("${host.facts.memtotal_mb}", "AIVP0204 host.facts.memtotal_mb is no known fact. Did you mean memory_mib?"),
        ("${host.facts.os.ide}", "AIVP0204 host.facts.os.ide is no known fact. Did you mean os.id"),
        ("${host.vars.prot}", "Did you mean port?"),
        ("${host.nam}", "AIVP0202"),
        ("${var.map.b}", "AIVP0221 ${var.map.b}: there is no b. There are: a."),
        ("${var.map.a.b[2]}", "AIVP0221 ${var.map.a.b[2]}: a list of 2 has no element 2."),
        ("${var.n.x}", "AIVP0221"),
        ("all ${var.map}", "AIVP0206 A mapping stands inside the text all ${var.map}. It can only be referred to as a"),
        ("${file.b.path}", "AIVP0203 noop.it@lab refers to file.b, which is not declared. Did you mean file.a"),
        ("${file.a.pth}", "AIVP0203 ${file.a.pth}: file has no field pth. Did you mean path?"),
        (
            "${file.a.owner}",
            "AIVP0218 ${file.a.owner}: file.a@lab does not declare owner, and its provider does not compute",
        ),
        ("${file.a}", "AIVP0217 ${file.a} refers to a whole resource, and nothing here takes one."),
        ("${file.a.tags[5]}", "AIVP0221"),
        ("${noop.each.input}", "AIVP0215 noop.each.input may mean 2 resources: noop.each[k1]@lab, noop.each[k2]@lab."),
        ("${noop.each[k3].input}", "AIVP0203 noop.each[k3].input is none of the instances of noop.each."),
        ("${file.a.path@edge}", "AIVP0203 file.a.path@edge is none of the instances of file.a."),
        ("x ${noop.each[*].input}", "AIVP0206 ${noop.each[*].input} is a list, so it cannot stand inside text."),
        ("${noop.it.output}", "AIVP0219 ${noop.it.output} is known only after noop.it@lab is applied"),
        (
            "${noop.it.input}",
            "AIVP0219 These fields refer to each other in a circle: noop.it@lab.input → noop.it@lab.input",
        ),
        ("${environment.nam}", "AIVP0202"),
        ("${file.a.path[}", "AIVP0201"),
        ('${file.a["x].path}', "AIVP0201"),
    ],
)
def test_a_wrong_reference_says_what_is_wrong_and_where(text: str, message: str) -> None:
    (found,) = said(noop(text))
    place = "resources.noop.it.input: "
    assert place in found
    assert message in found.replace(place, ""), found


def test_all_wrong_references_are_told_at_once() -> None:
    assert len(said(noop(["${var.a}", "${var.b}", "${file.zzz.path}", "${nope"]))) == 4


def test_references_are_found_again_by_key_and_host() -> None:
    data = {
        "hosts": TWO,
        "resources": {
            "noop.a": {"host": ["lab", "edge"], "for_each": ["x", "y"], "input": "${each.key} on ${host.name}"},
            "noop.b": {"host": ["lab", "edge"], "for_each": ["x", "y", "z"], "input": "${noop.c.input}"},
            "noop.c": {"host": "edge", "input": "${noop.a[x].input}"},
            "noop.d": {"host": ["lab", "edge"], "for_each": ["x"], "input": "${noop.a.input}"},
            "noop.e": {"host": "lab", "input": "${noop.a[*].input@*}"},
            "noop.f": {"host": "lab", "input": "${noop.a[y].input@edge}"},
        },
    }
    found = resources(data)
    assert found["noop.b[z]@lab"]["input"] == "x on edge"
    assert found["noop.d[x]@lab"]["input"] == "x on lab"
    assert found["noop.e@lab"]["input"] == ["x on edge", "x on lab", "y on edge", "y on lab"]
    assert found["noop.f@lab"]["input"] == "y on edge"


def test_numbers_as_keys_are_listed_as_numbers() -> None:
    data = {
        "resources": {"noop.w": {"for_each": 11, "input": "${each.value}"}, "noop.l": {"input": "${noop.w[*].input}"}}
    }
    assert resources(data)["noop.l@lab"]["input"] == list(range(11))


def test_chains_of_references_are_followed_however_long() -> None:
    chain = {f"noop.n{i}": {"input": f"${{noop.n{i + 1}.input}}"} for i in range(3000)}
    found = resources({"resources": {**chain, "noop.n3000": {"input": {"deep": "end"}}}})
    assert found["noop.n0@lab"]["input"] == {"deep": "end"}
    assert found["noop.n0@lab"]["input"] is found["noop.n3000@lab"]["input"]


def test_a_reference_looks_into_what_it_refers_to() -> None:
    data = {
        "resources": {
            "noop.a": {"input": {"x": "${noop.b.input}", "y": "${noop.c.output}"}},
            "noop.b": {"input": {"z": [1, 2]}},
            "noop.c": {},
            "noop.d": {"input": ["${noop.a.input.x.z[1]}", "${noop.a.input.y.deep[0]}"]},
        }
    }
    assert resources(data)["noop.d@lab"]["input"] == [2, Ref("noop.c@lab", ("output", "deep", 0))]


def test_fields_may_refer_to_each_other_without_a_circle() -> None:
    data = {"resources": {"noop.a": {"input": {"x": "${noop.a.input.y}", "y": "${noop.a.input.z}", "z": 1}}}}
    assert resources(data)["noop.a@lab"]["input"] == {"x": 1, "y": 1, "z": 1}


def test_a_circle_is_told_with_all_its_members() -> None:
    data = {
        "resources": {
            "noop.a": {"input": "${noop.b.input}"},
            "noop.b": {"input": "${noop.c.input}"},
            "noop.c": {"input": "${noop.a.input}"},
        }
    }
    (found,) = said(data)
    assert "noop.a@lab.input → noop.b@lab.input → noop.c@lab.input → noop.a@lab.input" in found


def test_values_refer_to_each_other_but_not_in_a_circle() -> None:
    data = {"values": {"a": "${values.b}", "b": "${values.c}", "c": "${values.a}", "d": "${values.c}"}}
    (found,) = said(data)
    assert found.startswith("AIVP0207 values.a: These values refer to each other in a circle: values.a → values.b → ")
    assert found.endswith("values.c → values.a. Write out one of them.")


def test_long_chains_of_values_end_with_a_message() -> None:
    data = {"values": {f"v{i}": f"${{values.v{i + 1}}}" for i in range(5000)} | {"v5000": 1}}
    assert any("AIVP0207" in line for line in said(data))


def test_a_broken_value_is_told_once() -> None:
    data = {
        "values": {"a": "${var.x}"},
        "resources": {"noop.a": {"input": "${values.a}"}, "noop.b": {"input": "${values.a}"}},
    }
    assert len(said(data)) == 1


@pytest.mark.parametrize(
    "text", ["${secret.db}", "${host.name}", "${file.a.path}", "${host.facts.os.id}", "${each.key}"]
)
def test_values_are_known_without_resources_hosts_and_secrets(text: str) -> None:
    data = noop("x")
    data["values"]["bad"] = text
    assert len(said(data)) == 1


def test_a_reference_to_what_when_left_out_says_why() -> None:
    data = noop("${file.off.path}", **{"file.off": {"path": "/off", "when": {"var.n": 4}}})
    (found,) = said(data)
    assert "AIVP0216" in found
    assert "file.off@lab is not declared here: when: var.n is 3, not 4." in found


def test_a_list_leaves_out_what_is_not_declared() -> None:
    off = {"for_each": ["p", "q"], "when": {"each.key": "q"}, "input": "${each.key}"}
    assert resources(noop("${noop.off[*].input}", **{"noop.off": off}))["noop.it@lab"]["input"] == ["q"]


def test_references_give_edges_also_when_their_value_is_known() -> None:
    found = edges(noop(["${file.a.path}", "${service.s.pid}"]))
    assert found == ["file.a@lab reference noop.it@lab", "service.s@lab reference noop.it@lab"]


def test_what_is_reached_through_another_resource_gives_an_edge() -> None:
    data = {
        "resources": {"noop.a": {}, "noop.b": {"input": "${noop.a.output}"}, "noop.c": {"input": "${noop.b.input}"}}
    }
    assert edges(data) == [
        "noop.a@lab reference noop.b@lab",
        "noop.a@lab reference noop.c@lab",
        "noop.b@lab reference noop.c@lab",
    ]


def test_unchanged_values_are_shared_by_all_hosts() -> None:
    hosts = {f"h{i}": {"transport": "local"} for i in range(3)}
    found = resources({"hosts": hosts, "resources": {"noop.a": {"host": list(hosts), "input": {"big": ["x"]}}}})
    assert found["noop.a@h0"] is found["noop.a@h1"] is found["noop.a@h2"]


def test_variables_of_the_process_cannot_be_referred_to() -> None:
    (found,) = said({"resources": {"file.a": {"path": "/a", "content": "${env.HOME}"}}})
    assert "variables of the process cannot be referred to. Declare a variable" in found
