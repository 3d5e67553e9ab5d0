"""Every action, with its reason, severity and causes."""

from __future__ import annotations

import pytest
from aivp_contract.observation import Observation
from aivp_contract.values import Secret, Unknown, Verdict

from aivp.model.evidence import HostEvidence, Seen
from aivp.model.expression import Ref
from aivp.plan.steps import GONE

from .worlds import MISSING, declare, plan, row, said, step, told, witness

A = "thing.a@lab"
CREATED = f"create {A} (not there yet)"
ERROR = {"class": "permanent", "message": "cannot be read"}
CLAIM = {"project": "other", "environment": "prod", "address": "thing.x@lab"}


def causes(found):
    return {change.path: (change.op, change.cause) for item in found.steps for change in item.changes}


@pytest.mark.parametrize(
    ("declared", "recorded", "seen", "expected"),
    [
        pytest.param({"text": "x"}, None, None, [CREATED], id="create"),
        pytest.param({"text": "x"}, {"text": "x"}, {"name": "a", "text": "x"}, [], id="no-op"),
        pytest.param({"text": "x"}, {"text": "x"}, None, [f"create {A} ({GONE})"], id="gone"),
        pytest.param(
            {"text": "y"}, {"text": "x"}, {"name": "a", "text": "x"},
            [f"update {A} (the declaration changed)"], id="intent",
        ),
        pytest.param(
            {"text": "x"}, {"text": "x"}, {"name": "a", "text": "z"}, [f"update {A} (it drifted)"], id="drift",
        ),
        pytest.param(
            {"text": "x"}, None, {"name": "a", "text": "x"},
            [f"adopt {A} (already as declared; managed from now on)"],
            id="adopt",
        ),
        pytest.param(
            {"text": "x"}, None, {"name": "a", "text": "y"},
            [f"update {A} (exists, but not as declared; managed from now on)"], id="adopt-and-mend",
        ),
        pytest.param({"state": "absent"}, None, None, [], id="absent-and-never-there"),
        pytest.param(
            {"state": "absent"}, {"state": "present"}, {"name": "a", "state": "present"},
            [f"update {A} (declared absent)"], id="absent",
        ),
        pytest.param(
            {"size": 2}, {"size": 1}, {"name": "a", "size": 1},
            [
                f"delete {A} (replaced because size changed)",
                f"create {A} (takes the place of the old one: size changed)",
            ],
            id="replace",
        ),
        pytest.param(
            {"text": "x", "seed": "2"}, {"text": "x", "seed": "1"}, {"name": "a", "text": "x"},
            [f"update {A} (the declaration changed)"], id="write-only",
        ),
        pytest.param(
            {"text": "x", "meta": {"retries": 1}}, {"text": "x"}, {"name": "a", "text": "x"}, [],
            id="meta-is-not-recorded",
        ),
        pytest.param(
            {"text": "x", "lifecycle": {"retain": True}}, {"text": "x"}, {"name": "a", "text": "x"},
            [f"no-op {A} (only what is recorded of it changes)"], id="lifecycle-is-recorded",
        ),
        pytest.param(
            {"text": "x"}, {"text": "x", "mode": "0600"}, {"name": "a", "text": "x"},
            [f"no-op {A} (only what is recorded of it changes)"], id="released",
        ),
    ],
)  # fmt: skip
def test_actions(declared, recorded, seen, expected):
    objects = [] if recorded is None else [row(A, **recorded)]
    ir = declare({A: declared})
    assert told(plan(ir, witness(ir, {A: seen}, objects))) == expected


def test_a_no_op_counts_as_unchanged():
    ir = declare({A: {"text": "x"}})
    found = plan(ir, witness(ir, {}, [row(A, text="x")]))
    assert (found.is_empty, found.unchanged, found.is_applicable) == (True, 1, True)


def test_each_field_says_whether_the_declaration_or_the_world_changed():
    ir = declare({A: {"text": "new", "mode": "0600", "tags": ["a", "b"]}})
    evidence = witness(
        ir,
        {A: {"name": "a", "text": "old", "mode": "0644", "tags": ["a"]}},
        [row(A, text="old", mode="0600", tags=["a"])],
    )
    found = plan(ir, evidence)
    assert causes(found) == {
        "/mode": ("replace", "drift"),
        "/tags/b": ("add", "intent"),
        "/text": ("replace", "intent"),
    }
    assert found.steps[0].is_drift
    assert found.steps[0].reason == "the declaration changed, and it drifted"


@pytest.mark.parametrize(
    ("action", "severity"), [("create", "change"), ("delete", "destroy"), ("update", "change"), ("adopt", "none")]
)
def test_severities(action, severity):
    ir = declare({} if action == "delete" else {A: {"text": "x"}}, hosts=["lab"])
    world = {
        "create": ({A: None}, []),
        "delete": ({}, [row(A)]),
        "update": ({A: {"name": "a", "text": "y"}}, [row(A)]),
        "adopt": ({A: {"name": "a", "text": "x"}}, []),
    }[action]
    found = step(plan(ir, witness(ir, *world)), f"{action}:{A}")
    assert found.severity == severity


def test_absence_that_takes_away_is_destruction():
    ir = declare({A: {"state": "absent"}})
    found = plan(ir, witness(ir, {A: {"name": "a", "state": "present"}}, [row(A, state="present")]))
    assert found.steps[0].severity == "destroy"


# Replacement


def test_a_replacement_is_two_steps_in_order_and_the_second_is_conditional():
    ir = declare({A: {"size": 2, "text": "x"}})
    found = plan(ir, witness(ir, {A: {"name": "a", "size": 1, "text": "x"}}, [row(A, size=1, text="x")]))
    old, new = found.steps
    assert (old.action, old.severity, dict(old.config)) == ("delete", "destroy", {"name": "a", "size": 1, "text": "x"})
    assert (new.action, new.severity, new.is_conditional, list(new.waits_for)) == ("create", "destroy", True, [old.id])
    assert [change.path for change in new.changes] == ["/name", "/size", "/text"]


def test_another_identity_is_another_thing():
    ir = declare({A: {"name": "b"}})
    found = plan(ir, witness(ir, {A: None}, [row(A)]))
    assert told(found) == [
        f"delete {A} (replaced because name changed)",
        f"create {A} (takes the place of the old one: name changed)",
    ]
    assert dict(found.steps[0].identity) == {"name": "a"}


def test_another_identity_that_is_there_already_is_adopted():
    ir = declare({A: {"name": "b", "text": "x"}})
    as_declared = plan(ir, witness(ir, {A: {"name": "b", "text": "x"}}, [row(A, text="x")]))
    assert told(as_declared) == [
        f"delete {A} (replaced because name changed)",
        f"adopt {A} (already as declared; managed from now on)",
    ]
    assert as_declared.steps[1].waits_for == [f"delete:{A}"]
    other = plan(ir, witness(ir, {A: {"name": "b", "text": "theirs"}}, [row(A, text="x")]))
    assert told(other)[1:] == [f"update {A} (exists, but not as declared; managed from now on)"]
    assert [(item.provenance, item.is_conditional) for item in other.steps[1:]] == [("adopted", False)]
    assert other.steps[1].expected is not None, "apply must refuse it if it becomes another thing meanwhile"


def test_another_identity_that_would_have_to_be_replaced_itself_is_refused():
    ir = declare({A: {"name": "b", "size": 2}})
    (text,) = said(ir, witness(ir, {A: {"name": "b", "size": 1}}, [row(A, size=2)]))
    assert text.startswith("AIVP0412")
    assert "because of size, but the old one would stay (it was not created here)" in text


def test_identities_that_change_hands_are_refused():
    one, two = "thing.a@lab", "thing.b@lab"
    ir = declare({one: {"name": "b"}, two: {"name": "c"}})
    found = witness(ir, {one: {"name": "b"}, two: None}, [row(one), row(two)])
    assert said(ir, found) == [f"AIVP0415: {one} is now what {two} was, and both would end it and make it at once."]


def test_another_identity_that_shall_not_be_there_is_not_created():
    ir = declare({A: {"name": "b", "state": "absent"}})
    assert told(plan(ir, witness(ir, {A: None}, [row(A)]))) == [f"delete {A} (replaced because name changed)"]


def test_what_forces_a_replacement_shows_what_was_there():
    ir = declare({A: {"size": 2, "text": "x"}})
    found = plan(ir, witness(ir, {A: {"name": "a", "size": 1, "text": "x"}}, [row(A, size=3, text="x")]))
    changes = {change.path: (change.op, change.before) for change in found.steps[1].changes}
    assert changes == {"/name": ("add", None), "/size": ("replace", 1), "/text": ("add", None)}


def test_another_identity_forgets_what_was_there_before():
    ir = declare({A: {"name": "b"}})
    found = plan(ir, witness(ir, {A: None}, [row(A, provenance="adopted")]))
    assert [item.action for item in found.steps] == ["forget", "create"]


@pytest.mark.parametrize(
    ("recorded", "why"),
    [
        (None, "it was not created here"),
        ({"provenance": "adopted"}, "would stay (it was there before, so it stays)"),
        ({"lifecycle": {"retain": True}}, "would stay (its lifecycle says retain)"),
    ],
)
def test_what_may_not_be_deleted_is_not_replaced_either(recorded, why):
    ir = declare({A: {"size": 2, "lifecycle": (recorded or {}).get("lifecycle", {})}})
    objects = [] if recorded is None else [row(A, size=1, **recorded)]
    (text,) = said(ir, witness(ir, {A: {"name": "a", "size": 1}}, objects))
    assert text.startswith("AIVP0412")
    assert why in text


@pytest.mark.parametrize("where", ["declared", "recorded"])
def test_prevent_destroy_refuses_a_replacement(where):
    keep = {"lifecycle": {"prevent_destroy": True}}
    ir = declare({A: {"size": 2, **(keep if where == "declared" else {})}})
    (text,) = said(
        ir, witness(ir, {A: {"name": "a", "size": 1}}, [row(A, size=1, **(keep if where == "recorded" else {}))])
    )
    assert text.startswith("AIVP0406")
    assert "because of size" in text


def test_the_provider_can_ask_for_a_replacement():
    ir = declare({A: {"text": "new"}})
    seen = Observation({"name": "a", "text": "old"}, replace=("text",))
    found = plan(ir, witness(ir, {A: seen}, [row(A, text="old")]))
    assert [item.action for item in found.steps] == ["delete", "create"]


def test_an_old_thing_that_cannot_be_read_stops_the_plan():
    ir = declare({A: {"name": "b"}})
    (text,) = said(ir, witness(ir, {A: None, f"object:{A}": Seen("", error=ERROR)}, [row(A)]))
    assert text == f"AIVP0610: {A}: cannot be read."


# Lifecycle


def test_ignored_fields_are_not_mended_but_created():
    ir = declare({A: {"text": "x", "mode": "0600", "lifecycle": {"ignore_changes": ("text",)}}})
    born = plan(ir, witness(ir, {A: None}))
    assert born.steps[0].config["text"] == "x"
    kept = [row(A, text="x", mode="0600", lifecycle={"ignore_changes": ("text",)})]
    assert plan(ir, witness(ir, {A: {"name": "a", "text": "theirs", "mode": "0600"}}, kept)).is_empty
    mended = plan(ir, witness(ir, {A: {"name": "a", "text": "theirs", "mode": "0644"}}, kept))
    assert list(causes(mended)) == ["/mode"]
    assert "text" not in mended.steps[0].config


def test_ignored_fields_are_ignored_in_what_a_provider_normalised_too():
    ir = declare({A: {"text": "x", "lifecycle": {"ignore_changes": ("text",)}}})
    seen = Observation({"name": "a", "text": "theirs"}, normalised={"name": "a", "text": "x"})
    assert plan(ir, witness(ir, {A: seen}, [row(A, text="x", lifecycle={"ignore_changes": ("text",)})])).is_empty


# Orphans


@pytest.mark.parametrize(
    ("recorded", "seen", "more", "expected"),
    [
        ({}, {"name": "a"}, {}, "delete (no longer declared)"),
        ({}, None, {}, "forget (no longer declared; it is already gone)"),
        ({"provenance": "adopted"}, {"name": "a"}, {}, "forget (no longer declared; it was there before, so it stays)"),
        ({"lifecycle": {"retain": True}}, {"name": "a"}, {}, "forget (no longer declared; its lifecycle says retain)"),
        ({}, {"name": "a"}, {"removed": {A: True}}, "delete (declared as removed)"),
        ({}, {"name": "a"}, {"removed": {A: False}}, "forget (declared as removed, to be kept)"),
        ({}, {"name": "a"}, {"removed": {"thing.a": False}}, "forget (declared as removed, to be kept)"),
        ({"provenance": "adopted"}, {"name": "a"}, {"removed": {A: True}}, "delete (declared as removed)"),
        ({"is_deposed": True}, {"name": "a"}, {}, "delete (the rest of a replacement)"),
        (
            {"lifecycle": {"prevent_destroy": True}}, {"name": "a"}, {"removed": {A: False}},
            "forget (declared as removed, to be kept)",
        ),
    ],
)  # fmt: skip
def test_the_end_of_what_nothing_declares(recorded, seen, more, expected):
    ir = declare({}, hosts=["lab"], **more)
    item = row(A, **recorded)
    key = f"{'deposed' if item.is_deposed else 'object'}:{A}"
    action, _, reason = expected.partition(" ")
    assert told(plan(ir, witness(ir, {key: seen}, [item]))) == [f"{action} {A} {reason}"]


def test_destroying_says_that_it_was_asked_for():
    ir = declare({}, hosts=["lab"])
    objects = [row(A), row("thing.b@lab", provenance="adopted"), row("thing.c@lab"), row("service.s@lab")]
    found = plan(ir, witness(ir, {"object:thing.c@lab": None}, objects), is_destroy=True)
    assert sorted(told(found)) == [
        f"delete {A} (destroy was asked for)",
        "forget service.s@lab (destroy was asked for; a service is left as it is)",
        "forget thing.b@lab (destroy was asked for; it was there before, so it stays)",
        "forget thing.c@lab (destroy was asked for; it is already gone)",
    ]
    (text,) = said(ir, witness(ir, {}, [row(A, lifecycle={"prevent_destroy": True})]), is_destroy=True)
    assert text == f"AIVP0406: {A} is to be destroyed, but its lifecycle says prevent_destroy."


def test_a_removed_address_with_a_key_counts_for_that_key_alone():
    one, two = "thing.a[x]@lab", "thing.a[y]@lab"
    ir = declare({}, hosts=["lab"], removed={"thing.a": False, "thing.a[y]": True})
    found = plan(ir, witness(ir, {}, [row(one, name="a-x"), row(two, name="a-y")]))
    assert [(item.action, item.address) for item in found.steps] == [("forget", one), ("delete", two)]


def test_a_kind_that_cannot_be_deleted_is_forgotten():
    ir = declare({}, hosts=["lab"])
    found = plan(ir, witness(ir, {}, [row("service.web@lab")]))
    assert told(found) == ["forget service.web@lab (no longer declared; a service is left as it is)"]


def test_prevent_destroy_governs_orphans():
    ir = declare({}, hosts=["lab"])
    (text,) = said(ir, witness(ir, {}, [row(A, lifecycle={"prevent_destroy": True})]))
    assert text.startswith("AIVP0406")
    assert "no longer declared" in text


def test_nothing_is_forgotten_only_because_its_provider_is_not_installed():
    ir = declare({}, hosts=["lab"])
    evidence = witness(ir, {}, [row("vanished.a@lab")])
    assert said(ir, evidence) == [
        "AIVP0411: No installed provider serves vanished, which vanished.a@lab is of: it cannot be deleted."
    ]


@pytest.mark.parametrize(
    ("on_false", "recorded", "expected"),
    [
        ("forget", {}, [f"forget {A} (its condition no longer holds; the real thing stays)"]),
        ("delete", {}, [f"delete {A} (its condition no longer holds)"]),
    ],
)
def test_a_condition_that_turned_false(on_false, recorded, expected):
    when = {"test": "arch", "any_of": ["debian"]}
    ir = declare({A: {"when": when, "lifecycle": {"on_false": on_false}}})
    assert told(plan(ir, witness(ir, {}, [row(A, **recorded)]))) == expected


def test_a_condition_that_turned_false_deletes_nothing_that_must_not_be_destroyed():
    when = {"test": "arch", "any_of": ["debian"]}
    ir = declare({A: {"when": when, "lifecycle": {"on_false": "delete"}}})
    (text,) = said(ir, witness(ir, {}, [row(A, lifecycle={"prevent_destroy": True})]))
    assert text.startswith("AIVP0406")


# Moves, and imports of things


def test_a_declared_move():
    ir = declare({A: {}}, moved={"thing.old@lab": A})
    found = plan(ir, witness(ir, {}, [row("thing.old@lab", name="a")]))
    assert told(found) == [f"move {A} (it was thing.old@lab)"]
    assert found.steps[0].previous == "thing.old@lab"


def test_a_move_that_identity_shows():
    ir = declare({A: {"text": "x"}})
    found = plan(ir, witness(ir, {A: {"name": "a", "text": "y"}}, [row("thing.old@lab", name="a", text="x")]))
    assert told(found) == [f"move {A} (it was thing.old@lab)", f"update {A} (it drifted)"]
    assert list(found.steps[1].waits_for) == []


def test_a_move_leaves_dependents_with_a_new_record_only():
    ir = declare({A: {}, "thing.b@lab": {}}, f"{A} thing.b@lab", moved={"thing.old@lab": A})
    found = plan(ir, witness(ir, {}, [row("thing.old@lab", name="a"), row("thing.b@lab", edges=["thing.old@lab"])]))
    assert [item.id for item in found.steps] == [f"move:{A}", "no-op:thing.b@lab"]


def test_a_thing_does_not_move_between_hosts():
    there = "thing.a@edge"
    ir = declare({there: {}}, moved={A: there}, hosts=["lab"])
    found = plan(ir, witness(ir, {there: None}, [row(A)]))
    assert sorted(item.id for item in found.steps) == [f"create:{there}", f"delete:{A}"]


def test_an_import_needs_something_to_import():
    ir = declare({A: {}}, imports=[A])
    assert said(ir, witness(ir, {A: None})) == [f"AIVP0407: {A} is to be imported, but there is no such thing."]
    assert [item.action for item in plan(ir, witness(ir)).steps] == ["adopt"]
    assert plan(ir, witness(ir, {}, [row(A)])).is_empty, "an import that was done is done"


# Commands


COMMAND = "command.c@lab"


@pytest.mark.parametrize(
    ("seen", "recorded", "expected"),
    [
        (Observation({"name": "c"}), None, "create"),
        (Observation({"name": "c"}), {"argv": ["x"]}, None),
        (Observation({"name": "c"}), {"argv": ["y"]}, "update"),
        (Observation({"name": "c"}, satisfied=True), None, None),
        (Observation({"name": "c"}, satisfied=False), {"argv": ["x"]}, "update"),
        (Observation({"name": "c"}, satisfied=True), {"argv": ["y"]}, "no-op"),
    ],
)
def test_commands_run_once_per_change_unless_a_guard_decides(seen, recorded, expected):
    ir = declare({COMMAND: {"argv": ["x"]}})
    objects = [] if recorded is None else [row(COMMAND, **recorded)]
    found = plan(ir, witness(ir, {COMMAND: seen}, objects))
    assert [item.action for item in found.steps] == ([] if expected is None else [expected])


def test_a_guard_is_named_as_the_reason():
    ir = declare({COMMAND: {"argv": ["x"]}})
    found = plan(ir, witness(ir, {COMMAND: Observation({"name": "c"}, satisfied=False)}, [row(COMMAND, argv=["x"])]))
    assert found.steps[0].reason == "its guard asks for it"


# What stands in the way


def test_a_claim_of_others_is_refused_but_for_shared_kinds():
    ir = declare({A: {}, "package.p@lab": {}})
    evidence = witness(ir, {"package.p@lab": {"name": "p"}})
    seen = {key: Seen(item.asked, item.observation, claims=[CLAIM]) for key, item in evidence.seen.items()}
    ir_seen = witness(ir, seen)
    assert said(ir, ir_seen) == [f"AIVP0405: {A} is managed by other/prod as thing.x@lab."]


@pytest.mark.parametrize(("error_class", "code"), [("permanent", "AIVP0610"), ("bug", "AIVP0611")])
def test_what_a_provider_cannot_read_stops_the_plan(error_class, code):
    ir = declare({A: {}})
    seen = Seen("", error={"class": error_class, "message": "no", "path": "/text", "mend": "Do."})
    assert said(ir, witness(ir, {A: seen})) == [f"{code}: {A}/text: no."]


def test_an_unreachable_host_blocks_its_own_and_orphans_nothing():
    there = "thing.b@edge"
    ir = declare({A: {}, there: {}, "thing.c@lab": {}}, f"{there} thing.c@lab")
    gone = {"edge": HostEvidence(error="no route")}
    found = plan(ir, witness(ir, {A: None}, [row("thing.old@edge", provenance="adopted")], hosts=gone))
    assert told(found) == [CREATED]
    assert found.blocked == {
        there: "edge cannot be reached",
        "thing.c@lab": f"it needs {there}, which is blocked",
        "thing.old@edge": "edge cannot be reached",
    }


def test_a_notification_from_an_unreachable_host_blocks_nobody():
    ir = declare({"thing.b@edge": {}, "service.s@lab": {}}, "thing.b@edge notify service.s@lab")
    gone = {"edge": HostEvidence(error="no route")}
    found = plan(ir, witness(ir, {"service.s@lab": None}, hosts=gone))
    assert [item.id for item in found.steps] == ["create:service.s@lab"]


# What is not known yet


def test_what_waits_for_an_output_is_deferred():
    ir = declare({A: {}, "thing.b@lab": {"text": Ref(A, ("id",))}}, f"{A} reference thing.b@lab")
    seen = {A: Observation(None, computed={"id": Unknown()}), "thing.b@lab": None}
    found = plan(ir, witness(ir, seen))
    later = step(found, "create:thing.b@lab")
    assert later.is_deferred
    assert later.config["text"] == Ref(A, ("id",))
    assert {change.path: change.after for change in later.changes}["/text"] == Unknown()


def test_what_nobody_could_be_asked_about_is_deferred_whole():
    ir = declare({A: {}, "thing.b@lab": {"name": Ref(A, ("id",))}}, f"{A} reference thing.b@lab")
    seen = {A: Observation(None, computed={"id": Unknown()}), "thing.b@lab": MISSING}
    found = plan(ir, witness(ir, seen))
    later = step(found, "create:thing.b@lab")
    assert (later.is_deferred, later.is_conditional, later.reason) == (
        True, True, "what it needs is known only during apply",
    )  # fmt: skip
    assert found.is_applicable


def test_known_outputs_defer_nothing():
    ir = declare({A: {}, "thing.b@lab": {"text": Ref(A, ("id",))}}, f"{A} reference thing.b@lab")
    found = plan(ir, witness(ir, {A: Observation(None, computed={"id": "7"}), "thing.b@lab": None}))
    assert step(found, "create:thing.b@lab").config["text"] == "7"
    kept = [row(A, outputs={"id": "7"}), row("thing.b@lab", text="7", edges=[A])]
    assert plan(ir, witness(ir, {}, kept)).is_empty


# Secrets


@pytest.mark.parametrize(
    ("matches", "expected"),
    [(True, []), (False, ["update"]), (None, ["update"])],
)
def test_secrets_are_compared_by_verdict(matches, expected):
    token = Secret({"secret": "s", "version": "1"})
    ir = declare({A: {"token": token}}, secrets=["s"])
    found = plan(ir, witness(ir, {A: {"name": "a", "token": Verdict(matches)}}, [row(A, token=token)]))
    assert [item.action for item in found.steps] == expected
    assert list(found.secrets) == (["s"] if expected else [])


# Evidence of another declaration


def test_evidence_of_an_older_declaration_gives_a_plan_that_cannot_be_applied():
    older = declare({A: {"text": "x"}})
    newer = declare({A: {"text": "y"}})
    found = plan(newer, witness(newer, {}, [row(A, text="x")], asked=older))
    assert told(found) == [f"update {A} (the declaration changed)"]
    assert not found.is_applicable


def test_evidence_that_does_not_hold_a_new_resource_cannot_be_applied():
    older = declare({A: {}})
    newer = declare({A: {}, "thing.b@lab": {}})
    found = plan(newer, witness(newer, {}, [row(A)], asked=older))
    assert told(found) == ["create thing.b@lab (new since the evidence was recorded; nobody looked yet)"]
    assert not found.is_applicable


def test_what_cannot_be_seen_of_a_thing_does_not_differ_from_what_older_evidence_holds_of_it():
    """What says how to go about the work is in no answer; a field new since then may differ."""
    older = declare({A: {"text": "x", "tags": ["t"]}})
    newer = declare({A: {"text": "y", "tags": ["t"], "mode": "0600"}})
    seen = {A: Observation({"name": "a", "text": "x"}, normalised={"name": "a", "text": "x"})}
    found = plan(newer, witness(newer, seen, [row(A, text="x", tags=["t"])], asked=older))
    assert causes(found) == {"/mode": ("add", "intent"), "/text": ("replace", "intent")}


def test_evidence_that_does_not_hold_a_new_host_cannot_be_applied():
    older, newer = declare({A: {}}), declare({"thing.a@new": {}})
    evidence = witness(older)
    found = plan(newer, evidence)
    assert found.blocked == {"thing.a@new": "the evidence does not hold new"}
    assert not found.is_applicable


def test_evidence_where_nobody_looked_at_the_old_thing_cannot_be_applied():
    ir = declare({A: {"name": "b"}})
    found = plan(ir, witness(ir, {A: None, f"object:{A}": MISSING}, [row(A)]))
    assert not found.is_applicable
    orphan = plan(declare({}, hosts=["lab"]), witness(declare({}), {f"object:{A}": MISSING}, [row(A)]))
    assert (orphan.blocked, orphan.is_applicable) == ({A: "nobody has looked at it"}, False)


@pytest.mark.parametrize("seen", [None, {"name": "a", "token": Verdict(False)}])
def test_a_sensitive_field_is_never_shown_even_where_it_was_written_out(seen: dict[str, object] | None) -> None:
    ir = declare({A: {"token": "hash"}})
    (found,) = plan(ir, witness(ir, {A: seen})).steps
    assert [change.after for change in found.changes if change.path == "/token"] == [Verdict(True)]
    assert found.config["token"] == "hash"
