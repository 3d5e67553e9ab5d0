"""Values of secrets stand in what goes to a host, and in no other form of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from aivp_contract import canonical
from aivp_contract.values import Json, Secret, Unknown, replace
from hypothesis import given
from hypothesis import strategies as st

from aivp.diagnostics import Diagnostic, Refused, Span
from aivp.model.expression import IR_TAGS, Fact, Ref, Template, join, secret
from aivp.secrets import names, reveal
from aivp.secrets.vault import Vault
from aivp.templates import Job, Problem, render
from tests.secrets.conftest import MakeVault, everything_about, random_secret, source

VALUES = {name: random_secret() for name in "abcde"}
SOURCES = [source(name, "env", name.upper()) for name in VALUES]
ENVIRON = {name.upper(): value for name, value in VALUES.items()}
A, B = secret("a", "1"), secret("b", "1")


@pytest.fixture
def five(vault: MakeVault) -> Vault:
    """Five secrets, a to e."""
    return vault(*SOURCES, environ=ENVIRON)


def jinja(templates: list[Template]) -> list[str]:
    """The real thing, as the engine wires it."""
    found = render([Job(item.name, item.source, frozenset(item.vars), item.vars) for item in templates])
    problems = [item for item in found if isinstance(item, Problem)]
    if problems:
        raise Refused(Diagnostic(item.code, item.why, item.mend, Span(item.why, item.line, 1)) for item in problems)
    return [str(text) for text in found]


def plain(templates: list[Template]) -> list[str]:
    """Text that shows what was passed."""
    return [f"{item.source}{json.dumps(dict(item.vars), sort_keys=True)}" for item in templates]


def never(templates: list[Template]) -> list[str]:
    raise AssertionError("nothing is to be rendered")


def templated(text: str, **variables: Json) -> Secret:
    return Secret({"template": {"name": "t.j2", "source": text, "vars": variables}})


def value_of(found: Json) -> str | None:
    assert isinstance(found, Secret)
    return found.value


def test_a_secret_keeps_its_origin(five: Vault) -> None:
    found = reveal({"x": [A, 1, None], "y": "text"}, five, never)
    assert found == {"x": [A, 1, None], "y": "text"}
    assert value_of(found["x"][0]) == VALUES["a"]


def test_what_has_no_secret_is_not_touched(five: Vault) -> None:
    given_ = {"x": [Unknown(), Ref("file.x@h", ("path",)), {"secret": "a", "version": "1"}]}
    assert reveal(given_, five, never) is given_


@pytest.mark.parametrize(
    "part",
    [
        A,
        A.origin,
        {"$aivp": "secret", "origin": A.origin},
        {"text": [A]},
        Secret({"text": [A.origin]}),
        {"text": ["", A]},
    ],
)
def test_every_way_to_write_a_part(five: Vault, part: Json) -> None:
    origin = {"text": ["<", part, ">", B]}
    assert value_of(reveal(Secret(origin), five, never)) == f"<{VALUES['a']}>{VALUES['b']}"
    assert names(Secret(origin)) == names({"$aivp": "secret", "origin": origin}) == ["a", "b"]


@pytest.mark.parametrize("part", [A, {"$aivp": "secret", "origin": A.origin}])
def test_every_way_to_write_a_variable(five: Vault, part: Json) -> None:
    mine = {"secret": "a", "version": "1"}
    value = templated("{{ user }} {{ deep[0].x }} {{ mine.secret }}", user="u", deep=[{"x": part}], mine=mine)
    assert value_of(reveal(value, five, jinja)) == f"u {VALUES['a']} a"
    assert names(value) == ["a"]


def test_decoded_artifacts(five: Vault) -> None:
    value = {"x": join(["p=", A, "&", templated("{{ b }}", b=join(["<", B, ">"]))])}
    again = canonical.decode(canonical.encode(value), IR_TAGS)
    assert value_of(reveal(again, five, jinja)["x"]) == f"p={VALUES['a']}&<{VALUES['b']}>"


def test_one_batch_for_all_templates(five: Vault) -> None:
    calls: list[list[Template]] = []

    def counting(templates: list[Template]) -> list[str]:
        calls.append(templates)
        return plain(templates)

    inner = templated("in ", x=A)
    found = reveal({"a": [inner, templated("2", x=B)], "b": inner, "c": templated("out ", x=inner)}, five, counting)
    assert [len(call) for call in calls] == [2, 1]
    assert value_of(found["b"]) == f'in {{"x": "{VALUES["a"]}"}}'
    assert value_of(found["c"]) == "out " + json.dumps({"x": value_of(found["b"])})


@pytest.mark.parametrize("unfilled", [Unknown(), Ref("file.x@h", ("path",)), Fact("h", ("os", "id"))])
def test_what_waits_for_something_unknown_stays(five: Vault, unfilled: Json) -> None:
    waiting = templated("{{ x }}", x=[unfilled], a=A)
    outer = templated("{{ x }}", x=waiting)
    found = reveal([Secret({"text": [A, unfilled]}), waiting, outer, A], five, never)
    assert [value_of(item) for item in found] == [None, None, None, VALUES["a"]]


def test_everything_wrong_at_once(vault: MakeVault) -> None:
    made = vault(source("a", "env", "A"), source("b", "env", "B", version="2"), environ={})
    with pytest.raises(Refused) as caught:
        reveal([A, templated("", b=B), Secret({"text": [secret("x", "1")]})], made, never)
    assert [item.code for item in caught.value.diagnostics] == ["AIVP0801", "AIVP0802", "AIVP0803"]


@pytest.mark.parametrize(
    "origin",
    [None, 5, {}, {"secret": 5, "version": "1"}, {"text": "abc"}, {"text": [5]}, {"vault": "x"}, {"$aivp": "x"}],
)
def test_strange_origins(five: Vault, origin: Json) -> None:
    with pytest.raises(Refused, match="AIVP0817"):
        reveal(Secret(origin), five, never)


@pytest.mark.parametrize(
    "text", ["{{ {}[a] }}", "{{ a.b.c }}", "{{ a|int + 'x' }}", "{{ a", "{{ nowhere }}", "{{ range(9)[a] }}"]
)
def test_a_template_that_fails_quotes_nothing(five: Vault, text: str) -> None:
    with pytest.raises(Refused) as caught:
        reveal(templated(text, a=A), five, jinja)
    (found,) = caught.value.diagnostics
    assert (found.code, found.span) == ("AIVP0816", Span("t.j2", 1, 1))
    assert VALUES["a"] not in everything_about(caught.value)


def test_every_template_that_fails_is_named(five: Vault) -> None:
    bad = [Secret({"template": {"name": name, "source": "{{ {}[a] }}", "vars": {"a": A}}}) for name in ("x.j2", "y.j2")]
    with pytest.raises(Refused) as caught:
        reveal([templated("{{ a }}", a=A), *bad], five, jinja)
    assert [item.span for item in caught.value.diagnostics] == [Span("x.j2", 1, 1), Span("y.j2", 1, 1)]


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-99, 99), st.text(max_size=4), st.builds(Unknown),
    st.sampled_from([secret(name, "1") for name in VALUES]),
)  # fmt: skip


def nested(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    """Lists, maps, texts and templates of `inner`."""
    variables = st.dictionaries(st.sampled_from("uvw"), inner, max_size=3)
    part = st.text(max_size=3) | st.sampled_from([A, B.origin]) | inner.filter(lambda item: isinstance(item, Secret))
    parts = st.lists(part, max_size=4)
    return st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=4),
        parts.map(lambda found: Secret({"text": found})),
        variables.map(lambda found: templated("T", **found)),
    )


def expected(value: Json) -> Json:
    """The plain value, in the plainest way: None where a secret has to stay without."""
    if isinstance(value, Secret):
        return text_of(value.origin)
    return value


def text_of(origin: Json) -> str | None:
    origin = origin.origin if isinstance(origin, Secret) else origin
    if "secret" in origin:
        return VALUES[origin["secret"]]
    if "text" in origin:
        parts = [item if isinstance(item, str) else text_of(item) for item in origin["text"]]
        return None if None in parts else "".join(parts)  # type: ignore[arg-type]
    variables = walk(origin["template"]["vars"], lambda item: Unknown() if text_of(item) is None else text_of(item))
    if "unknown" in str(canonical.encode(variables)):
        return None
    return plain([Template("t.j2", origin["template"]["source"], variables)])[0]


def walk(value: Json, how: Callable[[Secret], Any]) -> Json:
    return replace(value, (Secret,), how)


@given(st.recursive(LEAVES, nested, max_leaves=25))
def test_values_reach_the_wire_only(tmp_path_factory: pytest.TempPathFactory, value: Json) -> None:
    made = Vault(
        {item.name: item for item in SOURCES},
        tmp_path_factory.getbasetemp(),
        project="lab",
        environment="main",
        keys=None,
        allow_commands=False,
        environ=ENVIRON,
    )
    found = reveal(value, made, plain)
    assert found == value
    assert walk(found, value_of) == walk(value, expected)
    assert canonical.encode(found) == canonical.encode(value)
    shown = [
        repr(found),
        str(found),
        repr(made),
        canonical.encode(found).decode(),
        canonical.digest(found),
    ]
    used = {name for name, item in VALUES.items() if item in canonical.encode_wire(found).decode()}
    assert used <= set(names(value))
    assert not [item for item in VALUES.values() for text in shown if item in text]
    assert sorted(name for name in VALUES if f'"secret":"{name}"' in canonical.encode(value).decode()) == names(value)
