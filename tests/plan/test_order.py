"""The order of steps: phases, lanes, batches, conditional marks, refreshes, and endings in reverse."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from aivp_contract.observation import Observation
from aivp_contract.values import Unknown
from hypothesis import given, settings

from aivp.model.evidence import HostEvidence
from aivp.model.expression import Ref
from aivp.plan import lanes

from .worlds import declare, graph_of, ids, plan, row, step, witness

A, B, C = "thing.a@lab", "thing.b@lab", "thing.c@lab"


def fresh(ir, **options):
    """Everything is still to be made."""
    return plan(ir, witness(ir, dict.fromkeys(ir.resources)), **options)


def test_phases_order_what_no_edge_does():
    ir = declare({f"{kind}.x@lab": {} for kind in ("command", "service", "thing", "account", "package")})
    assert [name.partition(":")[2] for name in ids(fresh(ir))] == [
        "package.x@lab", "account.x@lab", "thing.x@lab", "service.x@lab", "command.x@lab",
    ]  # fmt: skip


def test_edges_come_before_phases():
    ir = declare({"command.x@lab": {}, "package.x@lab": {}}, "command.x@lab package.x@lab")
    found = fresh(ir)
    assert ids(found) == ["create:command.x@lab", "create:package.x@lab"]
    assert found.steps[1].waits_for == ["create:command.x@lab"]


def test_waiting_passes_through_what_has_nothing_to_do():
    ir = declare({A: {}, B: {}, C: {}}, f"{A} {B}", f"{B} {C}")
    found = plan(ir, witness(ir, {A: None, C: None}, [row(B, edges=[A])]))
    assert step(found, f"create:{C}").waits_for == [f"create:{A}"]


def test_each_host_has_a_lane_of_its_own():
    ir = declare({A: {}, B: {}, "thing.a@edge": {}}, "thing.a@edge " + B)
    found = fresh(ir)
    assert {name: list(host.lane) for name, host in found.hosts.items()} == {
        "edge": ["create:thing.a@edge"],
        "lab": [f"create:{A}", f"create:{B}"],
    }
    assert step(found, f"create:{B}").waits_for == ["create:thing.a@edge"]


# Batches


def batches(found):
    return [(item.address.split("@")[0], item.batch) for item in found.steps]


def test_a_tree_has_as_many_batches_as_levels():
    names = [f"bulk.n{number}@lab" for number in range(111)]
    found = fresh(declare({name: {} for name in names}, *(f"{names[(n - 1) // 10]} {names[n]}" for n in range(1, 111))))
    assert len({number for _, number in batches(found)}) == 3


def test_neighbours_of_one_batching_kind_share_a_batch():
    ir = declare({"bulk.a@lab": {}, "bulk.b@lab": {}, "bulk.c@lab": {}}, "bulk.a@lab bulk.c@lab")
    assert batches(fresh(ir)) == [("bulk.a", 0), ("bulk.b", 0), ("bulk.c", 1)]


def test_what_does_not_batch_is_alone():
    assert batches(fresh(declare({A: {}, B: {}}))) == [("thing.a", 0), ("thing.b", 1)]


def test_a_path_through_something_else_parts_a_batch():
    ir = declare(
        {"package.a@lab": {}, "package.b@lab": {}, "thing.x@edge": {}},
        "package.a@lab thing.x@edge",
        "thing.x@edge package.b@lab",
    )
    found = fresh(ir)
    assert step(found, "create:package.a@lab").batch != step(found, "create:package.b@lab").batch


def test_what_waits_for_another_host_shares_a_batch_that_does_anyway():
    """Packages within a VM that is to come all wait for it; none of them makes another one wait for more."""
    names = [f"package.{n}@lab" for n in "abc"]
    ir = declare(
        {**{name: {} for name in names}, "thing.x@edge": {}, "thing.y@edge": {}},
        *(f"thing.x@edge {name}" for name in names),
        "thing.y@edge package.c@lab",
    )
    found = fresh(ir)
    assert [step(found, f"create:{name}").batch for name in names] == [0, 0, 1]


def test_deferred_neighbours_share_a_batch():
    """VMs of an image that is still to be made: they start side by side once it is there."""
    names = [f"bulk.{n}@lab" for n in "abc"]
    ir = declare(
        {A: {}, **{name: {"text": Ref(A, ("id",))} for name in names}},
        *(f"{A} reference {name}" for name in names),
        "bulk.a@lab bulk.c@lab",
    )
    found = plan(ir, witness(ir, {A: Observation(None, computed={"id": Unknown()}), **dict.fromkeys(names)}))
    assert all(step(found, f"create:{name}").is_deferred for name in names)
    assert batches(found) == [("thing.a", 0), ("bulk.a", 1), ("bulk.b", 1), ("bulk.c", 2)]


def test_a_batch_has_a_most(monkeypatch):
    monkeypatch.setattr(lanes, "BATCH", 2)
    assert [number for _, number in batches(fresh(declare({f"bulk.{n}@lab": {} for n in "abcde"})))] == [0, 0, 1, 1, 2]


def test_endings_and_makings_do_not_share_a_batch():
    ir = declare({"bulk.b@lab": {}})
    found = plan(ir, witness(ir, {"bulk.b@lab": None}, [row("bulk.a@lab")]))
    assert batches(found) == [("bulk.b", 0), ("bulk.a", 1)]


# Conditional steps


def test_what_may_be_disturbed_is_looked_at_again():
    ir = declare({"account.u@lab": {}, A: {"text": "x"}, "service.s@lab": {}})
    found = plan(ir, witness(ir, {"account.u@lab": None}, [row(A, text="x"), row("service.s@lab")]))
    assert ids(found) == ["create:account.u@lab", f"no-op:{A}"], "accounts disturb things, not services"
    again = found.steps[1]
    assert (again.is_conditional, again.bounds) == (True, ["name", "text"])
    assert found.unchanged == 2


def test_a_disturbed_update_may_touch_what_it_planned_and_no_more():
    ir = declare({"package.p@lab": {}, A: {"text": "new", "mode": "0600"}})
    seen = {"package.p@lab": None, A: {"name": "a", "text": "old", "mode": "0600"}}
    found = plan(ir, witness(ir, seen, [row(A, text="old", mode="0600")]))
    update = step(found, f"update:{A}")
    assert (update.is_conditional, update.bounds) == (True, ["text"])


def test_packages_of_one_transaction_do_not_disturb_each_other():
    names = ["package.a@lab", "package.b@lab", "package.c@lab"]
    ir = declare({**{name: {} for name in names}, A: {}})
    found = plan(ir, witness(ir, {names[0]: None, names[2]: None, A: None}, [row(names[1])]))
    assert [(item.id, item.is_conditional, item.batch) for item in found.steps] == [
        (f"create:{names[0]}", False, 0), (f"create:{names[2]}", False, 0), (f"create:{A}", True, 1),
    ]  # fmt: skip


def test_a_package_after_another_transaction_is_disturbed_by_it():
    ir = declare({"package.a@lab": {}, "package.b@lab": {}}, "package.a@lab package.b@lab")
    assert [item.is_conditional for item in fresh(ir).steps] == [False, True]
    kept = plan(ir, witness(ir, {"package.a@lab": None}, [row("package.b@lab", edges=["package.a@lab"])]))
    assert ids(kept) == ["create:package.a@lab", "no-op:package.b@lab"]


def test_nothing_is_conditional_where_nothing_disturbs():
    ir = declare({A: {"text": "new"}, B: {}})
    found = plan(ir, witness(ir, {A: {"name": "a", "text": "old"}, B: None}, [row(A, text="old")]))
    assert [(item.is_conditional, list(item.bounds)) for item in found.steps] == [(False, []), (False, [])]


def test_an_effect_on_one_host_disturbs_no_other():
    ir = declare({"package.p@lab": {}, "thing.x@edge": {}})
    found = plan(ir, witness(ir, {"package.p@lab": None}, [row("thing.x@edge")]))
    assert ids(found) == ["create:package.p@lab"]


def test_what_comes_before_the_disturbance_is_not_disturbed():
    ir = declare({A: {}, "command.c@lab": {}})
    found = plan(ir, witness(ir, {A: None}))
    assert [(item.id, item.is_conditional) for item in found.steps] == [
        (f"create:{A}", False), ("create:command.c@lab", False),
    ]  # fmt: skip


def test_a_guard_may_be_disturbed_by_anything():
    ir = declare({A: {}, "command.c@lab": {"argv": ["x"], "unless": ["y"]}})
    found = plan(ir, witness(ir, {A: None}))
    assert step(found, "create:command.c@lab").is_conditional


def test_a_check_does_not_look_at_ignored_fields():
    ir = declare({"package.p@lab": {}, A: {"text": "x", "mode": "0600", "lifecycle": {"ignore_changes": ("text",)}}})
    kept = [row(A, text="x", mode="0600", lifecycle={"ignore_changes": ("text",)})]
    found = plan(ir, witness(ir, {"package.p@lab": None, A: {"name": "a", "text": "z", "mode": "0600"}}, kept))
    again = step(found, f"no-op:{A}")
    assert (sorted(again.config), again.bounds) == (["mode", "name"], ["mode", "name"])


# Refreshes


def test_a_refresh_follows_its_senders_and_its_receiver():
    ir = declare({A: {}, B: {}, "service.s@lab": {}}, f"{A} notify service.s@lab", f"{B} notify service.s@lab")
    found = fresh(ir)
    assert ids(found) == [f"create:{A}", f"create:{B}", "create:service.s@lab", "refresh:service.s@lab"]
    last = found.steps[-1]
    assert last.waits_for == ["create:service.s@lab", f"create:{A}", f"create:{B}"]
    assert (last.reason, last.severity, last.expected) == (f"notified by {A}, {B}", "disrupt", None)
    assert step(found, f"create:{A}").notifies == ["service.s@lab"]


def test_a_refresh_names_some_of_many_senders():
    senders = [f"thing.x{number}@lab" for number in range(5)]
    ir = declare({**{name: {} for name in senders}, "service.s@lab": {}},
                 *(f"{name} notify service.s@lab" for name in senders))  # fmt: skip
    last = fresh(ir).steps[-1]
    assert last.reason == f"notified by {', '.join(senders[:3])} and 2 more"
    assert set(last.waits_for) >= {f"create:{name}" for name in senders}


def test_without_a_change_nothing_is_refreshed():
    ir = declare({A: {}, "service.s@lab": {}}, f"{A} notify service.s@lab")
    kept = [row(A), row("service.s@lab", edges=[A])]
    assert plan(ir, witness(ir, {}, kept)).is_empty


def test_an_unchanged_receiver_is_refreshed_once_its_sender_changes():
    ir = declare({A: {"text": "new"}, "service.s@lab": {}}, f"{A} notify service.s@lab")
    kept = [row(A, text="old"), row("service.s@lab", edges=[A])]
    found = plan(ir, witness(ir, {A: {"name": "a", "text": "old"}}, kept))
    assert ids(found) == [f"update:{A}", "refresh:service.s@lab"]


@pytest.mark.parametrize("has_sender", [False, True])
def test_a_notification_of_an_earlier_run_stays_pending(has_sender):
    ir = declare({A: {}, "service.s@lab": {}}, f"{A} notify service.s@lab")
    pending = {"lab": HostEvidence("m1", {}, ["service.s@lab"])}
    kept = [row("service.s@lab", edges=[A])] + ([] if has_sender else [row(A)])
    found = plan(ir, witness(ir, {A: None} if has_sender else {}, kept, hosts=pending))
    assert found.steps[-1].reason == "notified in an earlier run" + (f", and notified by {A}" if has_sender else "")


def test_refreshing_passes_on():
    ir = declare({A: {}, "service.s@lab": {}, "service.t@lab": {}}, f"{A} notify service.s@lab",
                 "service.s@lab notify service.t@lab")  # fmt: skip
    kept = [row("service.s@lab", edges=[A]), row("service.t@lab", edges=["service.s@lab"])]
    found = plan(ir, witness(ir, {A: None}, kept))
    assert ids(found) == [f"create:{A}", "refresh:service.s@lab", "refresh:service.t@lab"]


def test_a_refresh_notifies_only_what_is_declared_here():
    never = {"any": []}
    ir = declare({A: {}, "service.s@lab": {}, "service.t@lab": {"when": never}}, f"{A} notify service.s@lab",
                 "service.s@lab notify service.t@lab")  # fmt: skip
    found = plan(ir, witness(ir, {A: None, "service.t@lab": None}, [row("service.s@lab", edges=[A])]))
    assert [list(item.notifies) for item in found.steps] == [["service.s@lab"], []]


def test_a_receiver_that_is_left_out_is_not_refreshed():
    ir = declare({A: {}, "service.s@lab": {}}, f"{A} notify service.s@lab")
    found = fresh(ir, exclude=["service.s"])
    assert ids(found) == [f"create:{A}"]
    assert found.steps[0].notifies == ["service.s@lab"], "it stays pending on the host"


# Endings


def test_what_goes_goes_in_the_reverse_of_how_it_came():
    ir = declare({C: {}}, hosts=["lab"])
    gone = [row(A), row(B, edges=[A]), row("package.p@lab"), row("account.u@lab")]
    found = plan(ir, witness(ir, {C: None}, gone))
    assert ids(found) == [f"create:{C}", f"delete:{B}", f"delete:{A}", "delete:account.u@lab", "delete:package.p@lab"]
    assert step(found, f"delete:{A}").waits_for == [f"delete:{B}"]


def test_recorded_edges_in_a_circle_do_not_wait_for_each_other_for_ever():
    found = plan(declare({}, hosts=["lab"]), witness(declare({}), {}, [row(A, edges=[B]), row(B, edges=[A, B])]))
    place = {name: index for index, name in enumerate(ids(found))}
    assert len(place) == 2
    assert all(place[other] < place[item.id] for item in found.steps for other in item.waits_for)


def test_a_deposed_object_waits_like_its_successor():
    both = [row(A), row(B, edges=[A], is_deposed=True), row(B, edges=[A])]
    found = plan(declare({}, hosts=["lab"]), witness(declare({}), {}, both))
    assert step(found, f"delete:{A}").waits_for == [f"delete:{B}", f"delete:{B}#deposed"]


# Whatever the graph

NODES = [
    f"{kind}.{name}@{host}"
    for kind in ("thing", "bulk", "package", "service")
    for name in "ab"
    for host in ("lab", "edge")
]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_order_keeps_its_promises(data):
    ranked = data.draw(st.permutations(NODES))
    pairs = st.tuples(st.integers(0, len(ranked) - 1), st.integers(0, len(ranked) - 1)).filter(lambda p: p[0] < p[1])
    edges = {f"{ranked[a]} {ranked[b]}" for a, b in data.draw(st.lists(pairs, max_size=12))}
    recorded = data.draw(st.sets(st.sampled_from(NODES)))
    ir = declare({name: {} for name in ranked}, *sorted(edges))
    missing = {name: None for name in NODES if name not in recorded}
    orphans = [row("thing.old@lab", edges=["thing.older@lab"]), row("thing.older@lab")]
    found = plan(ir, witness(ir, missing, [row(name) for name in sorted(recorded)] + orphans))

    place = {item.id: index for index, item in enumerate(found.steps)}
    assert all(place[other] < place[item.id] for item in found.steps for other in item.waits_for)
    for host in found.hosts.values():
        lane = [item for item in found.steps if item.id in set(host.lane)]
        assert [item.id for item in lane] == list(host.lane)
        assert [item.batch for item in lane] == sorted(item.batch for item in lane)
        for item in lane:
            peers = [other for other in lane if other.batch == item.batch]
            assert {other.kind for other in peers} == {item.kind}
            assert not {other.id for other in peers} & set(item.waits_for)
    ancestors = graph_of(ir).ancestors
    for item in found.steps:
        if item.action == "create":
            before = {f"create:{name}" for name in ancestors([item.address])} & set(place)
            assert before <= _reached(found, item.id)


def _reached(found, name):
    seen, stack = set(), [name]
    while stack:
        for other in step(found, stack.pop()).waits_for:
            if other not in seen:
                seen.add(other)
                stack.append(other)
    return seen
