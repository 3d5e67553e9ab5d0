from __future__ import annotations

import time
from typing import Any

import pytest
from aivp_contract.manifest import Kind
from aivp_contract.values import Binary, Unknown

from aivp.diagnostics import Refused
from aivp.model.expression import Ref, secret
from aivp.plugins import Registry
from aivp.plugins.validate import Validator

LATER = Ref("noop.x@h", ("output",))


def kind(**properties: Any) -> Kind:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"id": {"type": "string"}, **properties},
        "$defs": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}},
    }
    document = {"manifest": 1, "name": "p", "version": "1", "kinds": {"p/k": {"schema": schema, "identity": ["id"]}}}
    return Registry.of([document]).kinds["p/k"]


@pytest.mark.parametrize(
    ("schema", "value", "messages"),
    [
        ({"type": "string"}, "x", []),
        ({"type": "string"}, 3, ["v: expected text, found 3."]),
        ({"type": "string"}, True, ["v: expected text, found true."]),
        ({"type": ["string", "null"]}, [], ["v: expected text or null, found a list."]),
        ({"type": "integer"}, "3", ['v: expected a whole number, found the text "3".']),
        ({"type": "integer"}, None, ["v: expected a whole number, found nothing."]),
        (
            {"enum": ["running", "stopped"]},
            "runing",
            ['v: expected "running" or "stopped", found "runing". Did you mean running?'],
        ),
        ({"enum": [1, True]}, "a", ['v: expected 1 or true, found "a".']),
        ({"const": "a"}, "b", ['v: expected "a", found "b".']),
        ({"type": "string", "pattern": "^[a-z]+$"}, "A", ['v: "A" does not match ^[a-z]+$']),
        ({"$ref": "#/$defs/port"}, 0, ["v: 0 is less than 1."]),
        ({"$ref": "#/$defs/port"}, 70000, ["v: 70000 is more than 65535."]),
        ({"type": "integer", "multipleOf": 2}, 3, ["v: 3 is no multiple of 2."]),
        ({"exclusiveMinimum": 1, "exclusiveMaximum": 5}, 1, ["v: 1 is not more than 1."]),
        ({"type": "string", "minLength": 1, "maxLength": 2}, "", ['v: "" is too short: at least 1 character.']),
        ({"type": "string", "maxLength": 2}, "abc", ['v: "abc" is too long: at most 2 characters.']),
        ({"type": "array", "minItems": 1}, [], ["v: the list is too short: at least 1 element."]),
        ({"type": "array", "uniqueItems": True}, [1, 1], ["v: the list holds an element twice."]),
        (
            {"type": "array", "items": {"type": "string"}},
            ["a", 1, {}],
            ["v.1: expected text, found 1.", "v.2: expected text, found a mapping."],
        ),
        ({"type": "object", "minProperties": 1}, {}, ["v: too few members: at least 1."]),
        (
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {"name": {}, "size": {}},
                "required": ["name"],
            },
            {"nam": 1, "other": 2},
            [
                "v: name is missing.",
                "v.nam: nam is no known field here. Did you mean name?",
                "v.other: other is no known field here. Known fields: name, size.",
            ],
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            [],
            ["v: expected text or a whole number, found a list."],
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            [1],
            ["v.0: expected text, found 1."],
        ),
        (
            {"anyOf": [{"minimum": 5}, {"multipleOf": 2}]},
            3,
            ["v: fits none of the admitted forms: 3 is less than 5. Or: 3 is no multiple of 2."],
        ),
        (
            {"oneOf": [{"type": "integer"}, {"minimum": 1}]},
            3,
            ["v: fits more than one of the admitted forms, which exclude each other."],
        ),
        (
            {"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}},
            {"A": 1},
            ['v: a key is not admitted: "A" does not match'],
        ),
        ({"not": {"type": "string"}}, "x", ['v: "x" is not admitted here.']),
        ({"type": "string", "format": "ipv4"}, "1.2", ['v: "1.2" is no ipv4.']),
    ],
)
def test_what_does_not_fit_is_told_in_our_own_words(schema: Any, value: Any, messages: list[str]) -> None:
    found = Validator().check(kind(v=schema), {"id": "x", "v": value})
    told = [f"{'.'.join(map(str, item.path))}: {item.message} {item.mend}".strip() for item in found]
    assert len(told) == len(messages), told
    for line, message in zip(told, messages, strict=True):
        assert line.startswith(message), line


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, LATER),
        ({"type": "integer"}, Unknown()),
        ({"type": "string", "pattern": "^x$", "enum": ["x"]}, secret("s", "1")),
        ({"type": "string"}, Binary("eA==")),
        ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, [LATER, LATER, 1]),
        ({"anyOf": [{"type": "string"}, {"type": "object", "properties": {"a": {"type": "integer"}}}]}, {"a": LATER}),
        ({"oneOf": [{"required": ["a"], "properties": {"a": {"const": 1}}}, {"required": ["b"]}]}, {"a": LATER}),
        ({"type": "object", "const": {"a": 1}}, {"a": LATER}),
        ({"type": "object", "not": {"properties": {"a": {"type": "string"}}, "required": ["a"]}}, {"a": LATER}),
    ],
)
def test_what_is_known_later_fits(schema: Any, value: Any) -> None:
    assert Validator().check(kind(v=schema), {"id": LATER, "v": value}) == []


def test_what_stands_beside_a_later_value_is_still_checked() -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    (found,) = Validator().check(kind(v=schema), {"v": [LATER, "x"]})
    assert found.path == ("v", 1)


@pytest.mark.parametrize(
    "schema", [{"$ref": "http://example.com/x"}, {"$ref": "file:///etc/passwd"}, {"type": "texd"}, {"pattern": "(?=x)"}]
)
def test_a_schema_that_leads_outside_or_is_none_blames_its_provider(schema: Any) -> None:
    with pytest.raises(Refused, match="AIVP0310: The schema of p/k in the manifest of the provider p is broken"):
        Validator().check(kind(v=schema), {"v": 1})


def test_ten_thousand_resources_are_validated_soon() -> None:
    validator, checked = (
        Validator(),
        kind(v={"type": "string", "pattern": "^/"}, w={"anyOf": [{"type": "string"}, {"type": "integer"}]}),
    )
    values = [{"id": str(i), "v": f"/srv/{i}", "w": i} for i in range(10_000)]
    start = time.process_time()
    assert not any(validator.check(checked, item) for item in values)
    assert time.process_time() - start < 0.3
