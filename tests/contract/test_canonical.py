"""Canonical bytes are those of RFC 8785, for everything that is admitted; everything else stays outside."""

from __future__ import annotations

import json
import math

import hypothesis.strategies as st
import pytest
import rfc8785
from aivp_contract import canonical
from aivp_contract.canonical import MAX_INTEGER, NotCanonical
from aivp_contract.values import TAG, Binary, Blob, Secret, Unknown, Verdict, contains
from hypothesis import given, settings

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
INTEGERS = st.integers(-MAX_INTEGER, MAX_INTEGER)
KEYS = TEXT.filter(lambda key: key != TAG)
DECIMALS = st.builds(
    lambda number, sign: number * sign, st.floats(1e-4, 1e15, exclude_max=True), st.sampled_from([1, -1])
).filter(canonical.is_plain_decimal)
PLAIN = st.recursive(
    st.none() | st.booleans() | INTEGERS | DECIMALS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
TAGGED = st.one_of(
    st.just(Unknown()),
    st.builds(Secret, st.fixed_dictionaries({"secret": TEXT, "version": TEXT})),
    st.builds(Verdict, st.none() | st.booleans()),
    st.builds(Binary, TEXT),
    st.builds(Blob, st.just("0" * 64), st.integers(0, 100)),
)
VALUES = st.recursive(
    PLAIN | TAGGED,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None)
@given(PLAIN)
def test_the_bytes_are_those_of_the_oracle(value):
    canonical.admit(value)
    assert canonical.encode(value) == rfc8785.dumps(value)


@settings(max_examples=100, deadline=None)
@given(DECIMALS)
def test_decimals_are_printed_alike(number):
    assert canonical.encode(number) == rfc8785.dumps(number)


@pytest.mark.parametrize(
    "value",
    [
        {"\U00010000": 1, "\uffff": 2, "\ud7ff": 3, "a": 4},
        {"\U0001f600": {"\ufb33": 1, "\U00010437": 2}},
        [
            {
                "\u20ac": "Euro",
                "\r": "CR",
                "\ufb33": "Dagesh",
                "1": "One",
                "\U0001f600": "Grin",
                "\x80": "C",
                "\u00f6": "o",
            }
        ],
        '\u2028\u2029\x7f\x00\x1f"\\/\b\f\n\r\t',
        [0.1, 1.5, -2.25, 0.0001, 123456789012345.6, 333333333.33333329],
        [MAX_INTEGER, -MAX_INTEGER, 0],
    ],
)
def test_the_corners(value):
    canonical.admit(value)
    assert canonical.encode(value) == rfc8785.dumps(value)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_values_come_back(value):
    data = canonical.encode(value)
    assert canonical.decode(data) == value
    assert canonical.encode(canonical.decode(data)) == data


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value, random):
    items = list(value.items())
    random.shuffle(items)
    assert canonical.digest(dict(items)) == canonical.digest(value)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (MAX_INTEGER + 1, ""),
        (-MAX_INTEGER - 1, ""),
        (math.nan, ""),
        ({"a": [math.inf]}, "/a/0"),
        (1.0, ""),
        (1e300, ""),
        (1e-7, ""),
        ({"a": "\ud800"}, "/a"),
        ({"\udc00": 1}, ""),
        ({1: 2}, ""),
        ({"a": {"$aivp": "secret"}}, "/a"),
        ({"a": (1, 2)}, "/a"),
        ({"a": b"x"}, "/a"),
        ({"a": {1, 2}}, "/a"),
        ([Secret({"text": ["\ud800"]})], "/0/origin/text/0"),
    ],
)
def test_everything_else_is_not_admitted(value, where):
    with pytest.raises(NotCanonical) as refused:
        canonical.admit(value)
    assert str(refused.value).startswith(f"{where}: ")


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, {"\U0001f600": "\ud83d"}, {1, 2}, math.nan, object()])
def test_nothing_else_is_encoded(value):
    with pytest.raises(NotCanonical):
        canonical.encode(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1,]",
        b"NaN",
        b"[Infinity]",
        b"\xff",
        b'{"$aivp":"nobody"}',
        b'{"$aivp":7}',
        b'{"$aivp":["unknown"]}',
        b'{"$aivp":"blob","sha256":"x"}',
        b'{"$aivp":"unknown","more":1}',
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"9" * 5000,
    ],
)
def test_nothing_else_is_decoded(data):
    with pytest.raises(NotCanonical):
        canonical.decode(data)


def test_too_deep_is_no_crash():
    value: list = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotCanonical):
        canonical.encode(value)


@settings(max_examples=100, deadline=None)
@given(TEXT, TEXT)
def test_a_secret_travels_on_the_wire_and_nowhere_else(origin, value):
    secret = Secret({"secret": origin, "version": "1"}, "hidden:" + value)
    shown = canonical.encode({"a": [secret]})
    assert b"hidden:" not in shown
    assert "hidden:" not in repr(secret)
    assert canonical.digest(secret) == canonical.digest(Secret(secret.origin))
    sent = json.loads(canonical.encode_wire({"a": [secret], "\U0001f600": 1}))
    assert sent["a"][0]["value"] == "hidden:" + value


@pytest.mark.parametrize(
    "text", ['{"$aivp":"unknown"}', '{"\\u0024aivp":"unknown"}', '[{"a":{"\\u0024a\\u0069vp":"unknown"}}]']
)
def test_a_tag_is_found_however_it_is_spelled(text):
    assert contains(canonical.decode(text.encode()), (Unknown,))
