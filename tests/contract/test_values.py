"""Looking for tagged values, and putting others in their place."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from aivp_contract import pointer
from aivp_contract.values import Binary, Blob, Secret, Unknown, Verdict, contains, is_unknown, replace
from hypothesis import given

from .test_canonical import TEXT, VALUES

ALL = (Unknown, Secret, Verdict, Binary, Blob)


@given(VALUES)
def test_what_is_replaced_is_gone_and_the_rest_is_shared(value):
    plain = replace(value, ALL, lambda _: "x")
    assert not contains(plain, ALL)
    assert contains(value, ALL) or plain is value
    assert replace(value, (), lambda _: "x") is value


def test_two_secrets_made_the_same_way_are_equal():
    assert Secret({"secret": "a"}, "1") == Secret({"secret": "a"}, "2")
    assert Secret({"secret": "a"}) != Secret({"secret": "b"})


def test_what_is_unknown():
    assert [is_unknown(item) for item in (Unknown(), None, Verdict(None))] == [True, False, False]


@given(st.lists(TEXT, max_size=5))
def test_pointers_come_back(parts):
    assert pointer.parts(pointer.pointer(parts)) == tuple(parts)


@pytest.mark.parametrize(("path", "text"), [((), ""), (("a", 0), "/a/0"), (("a/b", "c~d", ""), "/a~1b/c~0d/")])
def test_pointers(path, text):
    assert pointer.pointer(path) == text
