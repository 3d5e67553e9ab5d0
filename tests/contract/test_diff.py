"""The diff: what it compares, what it calls the difference, and what plan and host agree on by a digest alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from aivp_contract import diff
from aivp_contract.manifest import Field, Kind
from aivp_contract.observation import Observation
from aivp_contract.values import Binary, Blob, Secret, Unknown, Verdict
from hypothesis import given, settings

SECRET = Secret({"secret": "s", "version": "1"})


def kind(**fields):
    return Kind("k", "test", {"properties": {}}, {"name": Field(), **fields}, ("name",))


def changes(meaning, desired, observed, prior=None, **siblings):
    found = diff.compare(
        kind(f=meaning, **dict.fromkeys(siblings, Field())),
        {"f": desired, **siblings},
        {**({} if observed is ... else {"f": observed}), **siblings},
        None if prior is None else {"f": prior},
    )
    return [(change.op, change.path) for change in found]


def blob(text):
    return Blob(hashlib.sha256(text.encode()).hexdigest(), len(text))


PLAIN = Field()
SET = Field(is_set=True)
OWNED = Field(is_set=True, owned=True)
KEYED = Field(key="id")
EXCLUSIVE = replace(OWNED, exclusive_when={"mode": "exact"})
RECORD = Field(fields={"a": Field(), "b": Field(), "c": Field(is_set=True)})


@pytest.mark.parametrize(
    ("meaning", "desired", "observed", "expected"),
    [
        (PLAIN, "x", "x", []),
        (PLAIN, "x", "y", [("replace", "/f")]),
        (PLAIN, "x", ..., [("add", "/f")]),
        (PLAIN, "x", None, [("add", "/f")]),
        (PLAIN, None, "x", []),
        (PLAIN, [], ..., []),
        (PLAIN, {}, ..., []),
        (PLAIN, "", ..., [("add", "/f")]),
        (PLAIN, False, ..., [("add", "/f")]),
        (PLAIN, 1, True, [("replace", "/f")]),
        (PLAIN, 0, False, [("replace", "/f")]),
        (PLAIN, "1", 1, [("replace", "/f")]),
        (PLAIN, ["a", "b"], ["b", "a"], [("replace", "/f")]),
        (PLAIN, {"a": 1}, {"a": 1, "b": 2}, [("remove", "/f/b")]),
        (PLAIN, {"a": 1, "c": 3}, {"a": 2, "b": 2}, [("replace", "/f/a"), ("add", "/f/c"), ("remove", "/f/b")]),
        (PLAIN, {"a/b": 1}, {"a/b": 2}, [("replace", "/f/a~1b")]),
        (RECORD, {"a": 1}, {"a": 1, "b": 2}, []),
        (RECORD, {"a": 1, "c": ["x"]}, {"a": 2, "b": 2, "c": ["y"]},
         [("replace", "/f/a"), ("add", "/f/c/x"), ("remove", "/f/c/y")]),
        (SET, ["a", "b"], ["b", "a"], []),
        (SET, ["a", "b"], ["b", "c"], [("add", "/f/a"), ("remove", "/f/c")]),
        (SET, [], ["a"], [("remove", "/f/a")]),
        (SET, ["a"], ..., [("add", "/f")]),
        (SET, [1, 2], [2, 1], []),
        (SET, [{"a": 1}], [{"a": 2}], [("add", '/f/{"a":1}'), ("remove", '/f/{"a":2}')]),
        (KEYED, [{"id": 1, "x": 1}], [{"id": 1, "x": 1}], []),
        (KEYED, [{"id": 1, "x": 2}], [{"id": 1, "x": 1}], [("replace", "/f/1/x")]),
        (KEYED, [{"id": 1}, {"id": 2}], [{"id": 2}, {"id": 3}], [("add", "/f/1"), ("remove", "/f/3")]),
        (PLAIN, Unknown(), "x", [("replace", "/f")]),
        (PLAIN, Unknown(), Unknown(), [("replace", "/f")]),
        (PLAIN, SECRET, Verdict(True), []),
        (PLAIN, SECRET, Verdict(False), [("replace", "/f")]),
        (PLAIN, SECRET, Verdict(None), [("replace", "/f")]),
        (PLAIN, SECRET, "guess", [("replace", "/f")]),
        (PLAIN, "text", blob("text"), []),
        (PLAIN, "text", blob("other"), [("replace", "/f")]),
        (PLAIN, "text", Binary("/w=="), [("replace", "/f")]),
        (PLAIN, Binary("/w=="), Binary("/w=="), []),
        (PLAIN, Binary("/w=="), Binary("/g=="), [("replace", "/f")]),
        (PLAIN, blob("x"), blob("x"), []),
        (PLAIN, blob("text"), "text", []),
        (PLAIN, blob("text"), "other", [("replace", "/f")]),
        (PLAIN, blob("text"), Binary("dGV4dA=="), []),
        (PLAIN, Binary("dGV4dA=="), blob("text"), []),
        (PLAIN, blob("x"), Verdict(None), [("replace", "/f")]),
    ],
)  # fmt: skip
def test_differences(meaning, desired, observed, expected):
    assert changes(meaning, desired, observed) == expected


@pytest.mark.parametrize(
    ("desired", "observed", "prior", "expected"),
    [
        (["a"], ["a", "theirs"], None, []),
        (["a"], ["a", "theirs"], ["a"], []),
        (["a"], ["a", "mine", "theirs"], ["a", "mine"], [("remove", "/f/mine")]),
        ([], ["mine", "theirs"], ["mine"], [("remove", "/f/mine")]),
        (["a"], ["theirs"], ["a"], [("add", "/f/a")]),
        (["a"], ["a"], ["a", "gone"], []),
    ],
)
def test_of_owned_sets_only_our_elements_are_managed(desired, observed, prior, expected):
    assert changes(OWNED, desired, observed, prior) == expected


@pytest.mark.parametrize(("mode", "expected"), [("exact", [("remove", "/f/theirs")]), ("minimum", [])])
def test_exclusive_sets_are_managed_whole(mode, expected):
    assert changes(EXCLUSIVE, ["a"], ["a", "theirs"], ["a"], mode=mode) == expected


@pytest.mark.parametrize(
    ("desired", "prior", "expected"),
    [("x", None, [("add", "/f")]), ("x", "x", []), ("x", "y", [("replace", "/f")]),
     (SECRET, SECRET, []), (SECRET, Secret({"secret": "s", "version": "2"}), [("replace", "/f")]),
     (Unknown(), "x", [("replace", "/f")])],
)  # fmt: skip
def test_write_only_fields_are_compared_with_what_was_last_applied(desired, prior, expected):
    meaning = Field(write_only=True)
    assert changes(meaning, desired, ..., prior) == expected
    assert changes(meaning, desired, "never looked at", prior) == expected


def test_what_was_written_only_is_told_apart():
    made = kind(f=Field(write_only=True), g=Field(write_only=True), h=Field())
    assert diff.unapplied(made, {"f": 1, "g": 2, "h": 3}, {"f": 1}) == ("g",)
    assert diff.unapplied(made, {"f": 1, "g": 2}, None) == ("f", "g")


def test_computed_fields_are_not_compared():
    assert changes(Field(computed=True), "x", "y") == []


# Decisions


SIZED = kind(size=Field(immutable=True), text=Field(), id=Field(computed=True), state=Field())


@pytest.mark.parametrize(
    ("desired", "seen", "prior", "action", "because"),
    [
        ({"text": "x"}, Observation(None), None, "create", ()),
        ({"text": "x"}, Observation({"text": "x"}), None, "no-op", ()),
        ({"text": "x"}, Observation({"text": "y"}), None, "update", ()),
        ({"size": 1}, Observation({"size": 2}), None, "replace", ("size",)),
        ({"text": "x"}, Observation({"text": "y"}, replace=("text",)), None, "replace", ("text",)),
        ({"text": "x"}, Observation({"text": "x"}, replace=("text",)), None, "no-op", ()),
        ({"state": "absent"}, Observation(None), None, "no-op", ()),
        ({"state": "purged"}, Observation(None), None, "no-op", ()),
        ({"state": "absent"}, Observation({"state": "present"}), None, "update", ()),
        ({"text": "x"}, Observation({"text": "y"}, satisfied=True), None, "no-op", ()),
        ({"text": "x"}, Observation(None, satisfied=True), None, "no-op", ()),
        ({"text": "x"}, Observation({"text": "x"}, satisfied=False), None, "update", ()),
        ({"text": "X"}, Observation({"text": "x"}, normalised={"text": "x"}), None, "no-op", ()),
        ({"text": "x"}, Observation({"text": "x"}, normalised={"text": "y"}), None, "update", ()),
    ],
)  # fmt: skip
def test_decisions(desired, seen, prior, action, because):
    found = diff.decide(SIZED, desired, seen, prior)
    assert (found.action, found.replace_because) == (action, because)


RECORDED = replace(SIZED, existence="recorded")


@pytest.mark.parametrize(
    ("seen", "prior", "action"),
    [
        (Observation({"text": "x"}), None, "create"),
        (Observation({"text": "x"}), {"text": "x"}, "no-op"),
        (Observation(None), {"text": "x"}, "update"),
        (Observation({"text": "x"}, satisfied=True), None, "no-op"),
        (Observation({"text": "x"}, satisfied=False), {"text": "x"}, "update"),
    ],
)
def test_what_only_state_knows_exists_once_it_was_applied(seen, prior, action):
    assert diff.decide(RECORDED, {"text": "x"}, seen, prior).action == action


def test_a_creation_lists_what_is_declared():
    found = diff.decide(SIZED, {"text": "x", "size": None, "id": "7"}, Observation(None), None)
    assert [(item.op, item.path, item.after) for item in found.changes] == [("add", "/text", "x")]


# Plan and host agree by a digest alone

FIELDS = kind(
    text=Field(),
    tags=SET,
    mine=OWNED,
    size=Field(immutable=True),
    seed=Field(write_only=True),
    id=Field(computed=True),
    map=PLAIN,
)
TEXTS = st.sampled_from(["", "a", "b"])
SOME = st.lists(TEXTS, max_size=3, unique=True)
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "text": TEXTS | st.just(SECRET), "tags": SOME, "mine": SOME, "size": st.integers(0, 2), "seed": TEXTS,
        "map": st.dictionaries(TEXTS, TEXTS, max_size=2),
    },
)  # fmt: skip
FOUND = st.fixed_dictionaries(
    {},
    optional={
        "text": TEXTS | st.just(Verdict(True)) | st.just(Verdict(False)), "tags": SOME, "mine": SOME,
        "size": st.integers(0, 2), "id": TEXTS, "map": st.dictionaries(TEXTS, TEXTS, max_size=2),
    },
)  # fmt: skip
SEEN = st.builds(Observation, st.none() | FOUND, satisfied=st.sampled_from([None, True, False]))


@settings(max_examples=400, deadline=None)
@given(ATTRIBUTES, SEEN, SEEN, st.none() | ATTRIBUTES, st.sampled_from(["observed", "recorded"]))
def test_equal_digests_imply_equal_decisions(desired, one, other, prior, existence):
    made = replace(FIELDS, existence=existence)
    digests = {diff.managed_digest(desired, seen) for seen in (one, other)}
    if len(digests) == 1:
        assert diff.decide(made, desired, one, prior) == diff.decide(made, desired, other, prior)


@settings(max_examples=200, deadline=None)
@given(ATTRIBUTES, FOUND, TEXTS)
def test_what_nobody_manages_does_not_touch_the_digest(desired, observed, text):
    more = {**observed, "id": text, "unheard": text}
    assert diff.managed_digest(desired, Observation(observed)) == diff.managed_digest(desired, Observation(more))


@settings(max_examples=200, deadline=None)
@given(ATTRIBUTES, SEEN, st.none() | ATTRIBUTES)
def test_what_is_as_desired_needs_nothing(desired, seen, prior):
    """Applying the differences that were found leaves none, but for what only the world can tell."""
    plain = {name: value for name, value in desired.items() if name != "seed" and value != SECRET}
    done = Observation({**(seen.observed or {}), **plain})
    assert diff.decide(FIELDS, plain, done, {**(prior or {}), **plain}).action == "no-op"


@settings(max_examples=200, deadline=None)
@given(ATTRIBUTES, SEEN, st.none() | ATTRIBUTES)
def test_changes_are_sorted_by_field_and_told_once(desired, seen, prior):
    paths = [change.path for change in diff.decide(FIELDS, desired, seen, prior).changes]
    names = [path.split("/")[1] for path in paths]
    assert names == sorted(names)
    assert len(paths) == len(set(paths))


# Words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (SECRET, "(secret)"),
        (Unknown(), "(known after apply)"),
        (Verdict(True), "(matches)"),
        (Verdict(False), "(differs)"),
        (Verdict(None), "(cannot be compared)"),
        (blob("x"), "(blob)"),
        ("x", "x"),
        ([1], "[1]"),
        ("x" * 61, "x" * 57 + "..."),
    ],
)
def test_values_in_messages(value, text):
    assert diff.describe(value) == text
