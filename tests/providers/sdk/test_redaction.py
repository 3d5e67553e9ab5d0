"""What a provider says and sees, freed of the secrets of its request before it leaves the host."""

from __future__ import annotations

from typing import Any

import pytest
from aivp_contract.canonical import decode, encode_wire
from aivp_contract.concealment import without
from aivp_contract.manifest import Field, Kind
from aivp_contract.observation import Observation
from aivp_contract.values import Secret, Verdict
from aivp_sdk.child import Kept
from aivp_sdk.redaction import Redaction

KIND = Kind(
    "thing", "test", {}, {"path": Field(exposed=True), "text": Field(), "hash": Field(sensitive=True)}, ("path",)
)


def redaction(config: dict[str, Any], **members: Any) -> Redaction:
    """As the request brings it."""
    return Redaction(KIND, {"config": decode(encode_wire(config)), **members})


def test_a_secret_in_a_secret_leaves_no_trace_of_what_was_put_in() -> None:
    assert without("a secret e", ["e", "secret"]) == "a (secret) (secret)"
    kept = Kept(100, 0)
    kept.add(b"a secret e")
    assert kept.text(["e", "secret"]) == "a (secret) (secret)"


@pytest.mark.parametrize(
    "said",
    ["'it\\'s \"so\"\\t'", '"it\'s \\"so\\"\\t"', "'it'\"'\"'s \"so\"", 'it\'s "so"', '[it\'s "so"\t]'],
)
def test_other_spellings_are_found(said: str) -> None:
    assert "so" not in without(said, ['it\'s "so"\t'])


def test_a_line_of_a_longer_secret_is_found() -> None:
    assert without("line 2: hunter22 is wrong", ["user\nhunter22\n"]) == "line 2: (secret) is wrong"


def test_parts_of_a_joined_value_are_found() -> None:
    origin = {"text": ["pw=", {"secret": "db", "version": "1"}]}
    red = redaction({"text": Secret(origin, "pw=hunter22", ("hunter22",))})
    assert red.plain["text"] == "pw=hunter22"
    assert red.redact("no group hunter22") == "no group (secret)"
    assert encode_wire(Secret(origin, "same", ("same",))) == encode_wire(Secret(origin, "same"))


def test_what_is_declared_itself_is_shown_whatever_a_secret_is() -> None:
    red = redaction({"path": "/file", "text": ["file", "x"], "hash": Secret({"secret": "a", "version": "1"}, "file")})
    seen = red.mask(Observation({"path": "/file", "text": ["file", "a file"], "hash": "file"}))
    assert seen.observed == {"path": "/file", "text": ["file", "a (secret)"], "hash": Verdict(True)}


def test_a_field_that_held_a_secret_is_only_compared() -> None:
    red = redaction({"path": "/a", "text": "plain"}, tainted=["text"])
    seen = red.mask(Observation({"path": "/a", "text": "old"}, {"path": "/a", "text": "plain"}))
    assert seen.observed == {"path": "/a", "text": Verdict(False)}
    assert seen.normalised == {"path": "/a", "text": "plain"}


def test_a_message_about_one_item_is_freed_of_the_secrets_of_all() -> None:
    red = redaction({"path": "/a"})
    red.shared = ["hunter22"]
    assert red.redact("hunter22 in the way") == "(secret) in the way"


def test_a_secret_in_an_exposed_field_is_refused() -> None:
    red = redaction({"path": Secret({"secret": "a", "version": "1"}, "x")})
    assert red.refusal is not None
    assert red.refusal.path == "/path"


def test_names_of_fields_stay_whatever_a_secret_is() -> None:
    red = redaction({"text": Secret("x", "e")})
    assert red.fields({"code": "e", "more": {"e": 1}}) == {"code": "(secret)", "more": {"(secret)": 1}}
    assert red.mask(Observation(None, None, computed={"code": 0})).computed == {"code": 0}
