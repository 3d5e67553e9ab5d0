"""`--target` and `--exclude`: what they drag along, and what they say of the rest."""

from __future__ import annotations

import pytest

from .worlds import declare, ids, plan, row, said, witness

A, B, C, D = (f"thing.{name}@lab" for name in "abcd")
CHAIN = declare({A: {}, B: {}, C: {}, D: {}}, f"{A} {B}", f"{B} {C}")
NEW = witness(CHAIN, dict.fromkeys((A, B, C, D)))
NOT_A_TARGET = "not a target, nor needed by one"


@pytest.mark.parametrize(
    ("target", "exclude", "expected", "left_out"),
    [
        ([], [], [A, D, B, C], {}),
        ([B], [], [A, B], {C: NOT_A_TARGET, D: NOT_A_TARGET}),
        (["thing.b"], [], [A, B], {C: NOT_A_TARGET, D: NOT_A_TARGET}),
        ([], [B], [A, D], {B: "excluded", C: "needs something that is excluded"}),
        ([C], [A], [], {A: "excluded", B: "needs something that is excluded", C: "needs something that is excluded",
                        D: NOT_A_TARGET}),
        ([B, D], [D], [A, B], {C: NOT_A_TARGET, D: "excluded"}),
    ],
)  # fmt: skip
def test_dependencies_are_dragged_along(target, exclude, expected, left_out):
    found = plan(CHAIN, NEW, target=target, exclude=exclude)
    assert ids(found) == [f"create:{name}" for name in expected]
    assert dict(found.left_out) == left_out


def test_an_unknown_address_is_an_error():
    assert said(CHAIN, NEW, target=["thing.x"]) == ["AIVP0408: Nothing is declared or recorded as thing.x."]


def test_an_address_without_key_means_every_key():
    ir = declare({"thing.a[x]@lab": {"name": "x"}, "thing.a[y]@lab": {"name": "y"}, "thing.ab@lab": {}})
    assert ids(plan(ir, witness(ir, dict.fromkeys(ir.resources)), target=["thing.a"])) == [
        "create:thing.a[x]@lab", "create:thing.a[y]@lab",
    ]  # fmt: skip


GONE = declare({D: {}}, hosts=["lab"])
ORPHANS = [row(A), row(B, edges=[A]), row(C, edges=[B])]


@pytest.mark.parametrize(
    ("target", "exclude", "expected"),
    [
        ([A], [], [C, B, A]),
        ([C], [], [C]),
        ([], [C], []),
        ([], [A], [C, B]),
    ],
)
def test_before_an_object_goes_whatever_needed_it_must(target, exclude, expected):
    found = plan(GONE, witness(GONE, {}, [*ORPHANS, row(D)]), target=target, exclude=exclude)
    assert ids(found) == [f"delete:{name}" for name in expected]


def test_a_declared_resource_that_still_needs_an_object_goes_first():
    ir = declare({D: {"text": "new"}})
    evidence = witness(ir, {D: {"name": "d", "text": "old"}}, [row(A), row(D, text="old", edges=[A])])
    assert ids(plan(ir, evidence, target=[A])) == [f"update:{D}", f"delete:{A}"]
    kept = plan(ir, evidence, exclude=[D])
    assert (ids(kept), dict(kept.left_out)) == (
        [], {D: "excluded", A: "still needed by something that is left out"},
    )  # fmt: skip
