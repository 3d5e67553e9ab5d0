"""References, texts and conditions, as far as evidence fills them in."""

from __future__ import annotations

import itertools

import pytest
from aivp_contract.observation import Observation
from aivp_contract.values import Secret, Unknown

from aivp.model.evidence import HostEvidence
from aivp.model.expression import Fact, Ref, Template, Text
from aivp.plan.bind import bind

from .worlds import KINDS, MISSING, declare, graph_of, plan, render, row, said, witness

A, B = "thing.a@lab", "thing.b@lab"
YES = {"test": Fact("lab", ("os", "id")), "any_of": ["debian", "ubuntu"]}
NO = {"test": Fact("lab", ("os", "id")), "any_of": ["alpine"]}
MAYBE = {"test": Fact("lab", ("cpus",)), "any_of": [2]}
TRUTH = {"yes": (YES, True), "no": (NO, False), "maybe": (MAYBE, None)}


def bound(ir, evidence, address=A, **options):
    return bind(ir, graph_of(ir).order, evidence, KINDS, render, **options)[address]


def value(expression, evidence=None, secrets=()):
    ir = declare({A: {"text": expression}}, secrets=secrets)
    return bound(ir, evidence or witness(ir)).attributes["text"]


@pytest.mark.parametrize("name", TRUTH)
def test_a_test_of_a_fact(name):
    condition, expected = TRUTH[name]
    ir = declare({A: {"when": condition}})
    assert bound(ir, witness(ir)).condition is expected
    assert bound(declare({A: {"when": {"not": condition}}}), witness(ir)).condition is (
        None if expected is None else not expected
    )


@pytest.mark.parametrize("names", list(itertools.product(TRUTH, repeat=2)), ids="-".join)
def test_all_and_any_are_three_valued(names):
    parts, values = zip(*(TRUTH[name] for name in names), strict=True)
    all_of = False if False in values else None if None in values else True
    any_of = True if True in values else None if None in values else False
    for word, expected in (("all", all_of), ("any", any_of)):
        ir = declare({A: {"when": {word: list(parts)}}})
        assert bound(ir, witness(ir)).condition is expected, word


@pytest.mark.parametrize(("word", "expected"), [("all", True), ("any", False)])
def test_no_condition_at_all(word, expected):
    ir = declare({A: {"when": {word: []}}})
    assert bound(ir, witness(ir)).condition is expected


def test_types_are_not_mixed_up_in_conditions():
    facts = {"lab": HostEvidence("m1", {"cpus": 1, "user": {"is_root": True}})}
    one = declare({A: {"when": {"test": Fact("lab", ("cpus",)), "any_of": [True]}}})
    true = declare({A: {"when": {"test": Fact("lab", ("user", "is_root")), "any_of": [1]}}})
    assert [bound(ir, witness(ir, hosts=facts)).condition for ir in (one, true)] == [False, False]


def test_a_fact_of_an_unreachable_host_is_unknown():
    hosts = {"edge": HostEvidence(error="gone")}
    ir = declare({A: {"text": Fact("edge", ("os", "id"))}}, hosts=["edge"])
    found = bound(ir, witness(ir, hosts=hosts))
    assert (found.is_known, found.desired["text"], found.known) == (False, Unknown(), {"name": "a"})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (Fact("lab", ("os", "id")), "debian"),
        (Text(("on ", Fact("lab", ("os", "id")), "!")), "on debian!"),
        (Text(("n=", Fact("lab", ("cpus",)))), Text(("n=", Fact("lab", ("cpus",))))),
        (Template("t", "hi", {"os": Fact("lab", ("os", "id"))}), "hi os=debian"),
    ],
)
def test_facts_in_values_texts_and_templates(expression, expected):
    assert value(expression) == expected


def test_a_number_in_a_text_is_its_json():
    ir = declare({A: {"text": Text(("n=", Fact("lab", ("cpus",)), " b=", Fact("lab", ("on",))))}})
    facts = {"lab": HostEvidence("m1", {"cpus": 4, "on": True})}
    assert bound(ir, witness(ir, hosts=facts)).attributes["text"] == "n=4 b=true"


def test_a_text_with_a_secret_is_a_secret_that_says_how_it_is_made():
    secret = Secret({"secret": "s", "version": "1"})
    found = value(Text(("pw=", secret, "@", Fact("lab", ("os", "id")))), secrets=["s"])
    assert isinstance(found, Secret)
    assert found.value is None
    assert "debian" in str(found.origin)
    assert "'secret': 's'" in str(found.origin)


def test_a_template_with_a_secret_is_not_rendered_here():
    secret = Secret({"secret": "s", "version": "1"})
    found = value(Template("t", "{{ pw }}", {"pw": secret}), secrets=["s"])
    assert isinstance(found, Secret)
    assert found.origin["template"]["source"] == "{{ pw }}"


def outputs(seen, recorded=None, **options):
    ir = declare({A: {"text": "x"}, B: {"text": Ref(A, ("id",))}}, f"{A} reference {B}")
    objects = [] if recorded is None else [row(A, **recorded)]
    return bound(ir, witness(ir, {A: seen, B: MISSING}, objects), B, **options).attributes["text"]


REF = Ref(A, ("id",))


@pytest.mark.parametrize(
    ("seen", "recorded", "expected"),
    [
        (Observation(None), None, REF),
        (Observation(None, computed={"id": "7"}), None, "7"),
        (Observation(None, computed={"id": Unknown()}), None, REF),
        (Observation({"name": "a", "text": "x"}), {"text": "x", "outputs": {"id": "3"}}, "3"),
        (Observation({"name": "a", "text": "y"}), {"text": "x", "outputs": {"id": "3"}}, REF),
        (Observation({"name": "a", "text": "x"}), {"text": "x"}, REF),
    ],
)
def test_outputs_are_foreseen_or_recorded_where_nothing_will_change(seen, recorded, expected):
    assert outputs(seen, recorded) == expected


def test_while_asking_the_record_stands_in_for_what_was_not_asked_yet():
    kept = {"text": "x", "outputs": {"id": "3"}}
    assert outputs(MISSING, kept) == REF
    assert outputs(MISSING, kept, is_provisional=True) == "3"
    assert outputs(MISSING, {**kept, "text": "older"}, is_provisional=True) == REF


def test_values_that_became_known_are_brought_into_normal_form():
    ir = declare({A: {"mode": Fact("lab", ("mode",)), "tags": [Fact("lab", ("os", "id")), "a"]}})
    found = bound(ir, witness(ir, hosts={"lab": HostEvidence("m1", {"mode": "644", "os": {"id": "z"}})}))
    assert (found.attributes["mode"], found.attributes["tags"]) == ("0644", ["a", "z"])


def test_a_value_from_the_world_that_does_not_fit_is_left_to_the_provider():
    ir = declare({A: {"mode": Fact("lab", ("os", "id"))}})
    assert bound(ir, witness(ir)).attributes["mode"] == "debian"


# What conditions do to the rest of a plan


def test_a_condition_that_nobody_can_tell_yet_leaves_out_and_what_needs_it_too():
    ir = declare({A: {"when": MAYBE}, B: {}, "thing.c@lab": {}}, f"{A} {B}")
    found = plan(ir, witness(ir, {"thing.c@lab": None}))
    assert [step.id for step in found.steps] == ["create:thing.c@lab"]
    assert found.blocked == {
        A: "a fact that decides about it is not known yet",
        B: f"it needs {A}, which is blocked",
    }


def test_depends_and_notify_to_what_is_not_declared_here_vanish():
    ir = declare({A: {"when": NO}, B: {}, "service.s@lab": {"when": NO}}, f"{A} {B}", f"{B} notify service.s@lab")
    found = plan(ir, witness(ir, {A: MISSING, B: None, "service.s@lab": MISSING}))
    assert [(step.id, step.waits_for, step.notifies) for step in found.steps] == [(f"create:{B}", [], [])]


def test_a_reference_to_what_is_not_declared_here_is_an_error():
    ir = declare({A: {"when": NO}, B: {"text": Ref(A, ("id",))}}, f"{A} reference {B}")
    assert said(ir, witness(ir, {A: MISSING, B: None})) == [
        f"AIVP0413: {B} refers to {A}, which is not declared here: its condition does not hold."
    ]
    both = declare({A: {"when": NO}, B: {"when": NO, "text": Ref(A, ("id",))}}, f"{A} reference {B}")
    assert plan(both, witness(both, {A: MISSING, B: MISSING})).is_empty


def test_two_declarations_of_one_thing_are_found_when_facts_decide():
    ir = declare({A: {"when": YES, "name": "x"}, B: {"name": "x"}})
    assert said(ir, witness(ir)) == [f"AIVP0222: {B} and {A} are the same thing: name x."]
    apart = declare({A: {"when": NO, "name": "x"}, B: {"name": "x"}})
    assert [step.action for step in plan(apart, witness(apart, {A: MISSING})).steps] == ["adopt"]
    later = declare({A: {"name": Fact("lab", ("os", "id"))}, B: {"name": "debian"}})
    assert [item[:8] for item in said(later, witness(later))] == ["AIVP0222"]
