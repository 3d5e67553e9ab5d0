"""Two spellings of one value are one value."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from aivp_contract import normal
from aivp_contract.manifest import Field
from aivp_contract.normal import NotNormal
from aivp_contract.values import Unknown
from hypothesis import given

GOOD = [
    ("quantity", 0, 0),
    ("quantity", 512, 512),
    ("quantity", "512", 512),
    ("quantity", "512B", 512),
    ("quantity", "1KiB", 1024),
    ("quantity", "1 KB", 1000),
    ("quantity", "2Gi", 2 * 1024**3),
    ("quantity", "2G", 2 * 1000**3),
    ("quantity", "1PiB", 1024**5),
    ("duration", 90, 90),
    ("duration", "90", 90),
    ("duration", "90s", 90),
    ("duration", "5m", 300),
    ("duration", "1h", 3600),
    ("duration", "2 d", 172800),
    ("duration", "1w", 604800),
    ("mode", "644", "0644"),
    ("mode", "0644", "0644"),
    ("mode", "4755", "4755"),
    ("mode", "u=rw,g=r,o=", "0640"),
    ("mode", "a=rx", "0555"),
    ("mode", "=r", "0444"),
    ("mode", "u=rwxs,go=rx", "4755"),
    ("mode", "u=rwx,g=rxs,o=t", "3750"),
    ("path", "/", "/"),
    ("path", "/a/", "/a"),
    ("path", "//a//b/.", "/a/b"),
    ("path", "/a/./b", "/a/b"),
]
BAD = [
    ("quantity", "-1"),
    ("quantity", -1),
    ("quantity", True),
    ("quantity", 1.5),
    ("quantity", "1XB"),
    ("quantity", "1.5G"),
    ("quantity", None.__class__),
    ("quantity", "१GiB"),
    ("duration", "5 minutes"),
    ("duration", "-5s"),
    ("duration", True),
    ("mode", "999"),
    ("mode", 644),
    ("mode", "u+x"),
    ("mode", ""),
    ("mode", "07777777"),
    ("mode", "u=rw\n"),
    ("path", "a/b"),
    ("path", ""),
    ("path", "/a/../b"),
    ("path", "/a\0b"),
    ("path", 7),
]


@pytest.mark.parametrize(("semantic", "value", "expected"), GOOD, ids=repr)
def test_the_table(semantic, value, expected):
    found = normal.normal_value(Field(semantic=semantic), value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(("semantic", "value"), BAD, ids=repr)
def test_what_has_no_normal_form(semantic, value):
    with pytest.raises(NotNormal):
        normal.normal({"f": Field(semantic=semantic)}, {"f": value})


@pytest.mark.parametrize(("semantic", "value", "expected"), GOOD, ids=repr)
def test_a_normal_form_is_its_own(semantic, value, expected):
    assert normal.normal_value(Field(semantic=semantic), expected) == expected


@given(st.lists(st.text(max_size=3), max_size=6), st.randoms(use_true_random=False))
def test_sets_have_one_order(items, random):
    other = [*items, *items]
    random.shuffle(other)
    assert normal.sorted_set(other) == normal.sorted_set(items)
    assert set(normal.sorted_set(items)) == set(items)


def test_one_and_true_are_two_elements():
    assert normal.sorted_set([True, 1, "1", 1]) == ["1", 1, True]


def test_the_way_into_objects_and_lists():
    fields = {
        "disks": Field(items=Field(fields={"size": Field(semantic="quantity")})),
        "opts": Field(fields={"wait": Field(semantic="duration")}),
        "tags": Field(is_set=True),
    }
    given_ = {"disks": [{"size": "1KiB"}], "opts": {"wait": "1m", "x": "1m"}, "tags": ["b", "a", "b"], "other": "1m"}
    assert normal.normal(fields, given_) == {
        "disks": [{"size": 1024}],
        "opts": {"wait": 60, "x": "1m"},
        "tags": ["a", "b"],
        "other": "1m",
    }


def test_what_is_not_known_or_not_there_stays():
    assert normal.normal({"f": Field(semantic="path")}, {"f": Unknown()}) == {"f": Unknown()}
    assert normal.normal({"f": Field(semantic="path")}, {"f": None}) == {"f": None}


def test_the_message_names_the_field():
    with pytest.raises(NotNormal, match=r"^opts: wait: a duration"):
        normal.normal({"opts": Field(fields={"wait": Field(semantic="duration")})}, {"opts": {"wait": "soon"}})
