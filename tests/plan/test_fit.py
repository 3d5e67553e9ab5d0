"""Values that evidence brings are held to the schema before anybody plans with them."""

from __future__ import annotations

import pytest
from aivp_contract.observation import Observation

from aivp.model.evidence import HostEvidence
from aivp.model.expression import Fact, Ref, Template, Text
from aivp.plan.bind import bind

from .worlds import KINDS, declare, graph_of, plan, refused, render, witness

A, B = "thing.a@lab", "thing.b@lab"
CPUS = Fact("lab", ("cpus",))
FACTS = {"lab": HostEvidence("m1", {"cpus": 4, "name": "it"})}

MISFITS = [
    ("text", CPUS, "thing.a@lab.text: expected text, found 4.", "It comes from lab.facts.cpus."),
    ("size", Fact("lab", ("name",)), 'size: expected a whole number, found the text "it".', "lab.facts.name."),
    ("tags", ["x", CPUS], "thing.a@lab.tags.1: expected text, found 4.", "It comes from lab.facts.cpus."),
    ("mode", Text(("9", CPUS)), "thing.a@lab.mode: a mode is quoted octal", "It comes from lab.facts.cpus."),
    ("mode", Template("m.j2", "{{ n }}", {"n": CPUS}), "thing.a@lab.mode: a mode is quoted octal", "lab.facts.cpus."),
]


@pytest.mark.parametrize(("name", "value", "why", "mend"), MISFITS)
def test_a_value_that_does_not_fit_is_a_diagnostic(name, value, why, mend):
    ir = declare({A: {name: value}, B: {"text": "fine"}})
    (found,) = refused(ir, witness(ir, {A: None, B: None}, hosts=FACTS))
    assert (found.code, found.address, found.pointer.split("/")[1]) == ("AIVP0302", A, name)
    assert why in found.why
    assert mend in found.mend


def test_an_output_that_does_not_fit_is_one_too():
    ir = declare({A: {}, B: {"size": Ref(A, ("id",))}}, f"{A} {B}")
    (found,) = refused(ir, witness(ir, {A: Observation({"name": "a"}, computed={"id": "i-1"}), B: None}))
    assert found.why == 'thing.b@lab.size: expected a whole number, found the text "i-1".'
    assert found.mend == "It comes from thing.a@lab.id."


def test_what_is_not_known_yet_fits():
    ir = declare({A: {}, B: {"text": Ref(A, ("id",)), "tags": [Ref(A, ("id",))]}}, f"{A} {B}")
    found = plan(ir, witness(ir, {A: None, B: None}))
    assert [step.id for step in found.steps] == [f"create:{A}", f"create:{B}"]


def test_what_fits_takes_its_normal_form():
    ir = declare({A: {"mode": Text(("64", CPUS)), "size": CPUS}})
    found = bind(ir, graph_of(ir).order, witness(ir, hosts=FACTS), KINDS, render)[A]
    assert (found.attributes["mode"], found.attributes["size"], list(found.misfits)) == ("0644", 4, [])
