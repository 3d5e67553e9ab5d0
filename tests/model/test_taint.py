"""Names of secrets are found wherever a secret may stand."""

from __future__ import annotations

import pytest
from aivp_contract.values import Json, Secret, Verdict

from aivp.model.expression import Fact, Ref, Template, Text, join, secret
from aivp.model.taint import names, uses

A, B = secret("a", "1"), secret("b", "2")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, []),
        ({"secret": "a", "version": "1"}, []),
        ([A, {"x": B}, A], ["a", "b"]),
        (join(["<", B, A]), ["a", "b"]),
        (Secret({"text": [join(["<", B]).origin, A]}), ["a", "b"]),
        (Text(("x", Ref("file.x@h", ("path",)), A)), ["a"]),
        (Template("t", "{{ x }}", {"x": [B], "y": Fact("h", ("os",))}), ["b"]),
        (Secret({"template": {"name": "t", "source": "", "vars": {"x": [A, join([B, "!"])]}}}), ["a", "b"]),
        ({"$aivp": "secret", "origin": {"text": [{"$aivp": "secret", "origin": A.origin}]}}, ["a"]),
        ({"$aivp": "text", "parts": ["x", {"$aivp": "secret", "origin": A.origin}]}, ["a"]),
        (Verdict(matches=True), []),
    ],
)
def test_names(value: Json, found: list[str]) -> None:
    assert names(value) == found


def test_versions_are_told_apart() -> None:
    assert uses([A, secret("a", "2")]) == {("a", "1"), ("a", "2")}
