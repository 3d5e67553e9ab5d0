from __future__ import annotations

from aivp_contract import canonical
from aivp_contract.values import Secret

from aivp.model.expression import IR_TAGS, Fact, Ref, Template, Text, join, secret

REF = Ref("file.a@h", ("digest",))


def test_join_keeps_text_plain_and_secrets_together() -> None:
    assert join(["a", "b"]) == "ab"
    assert join(["a", secret("s", "1")]) == Secret({"text": ["a", {"secret": "s", "version": "1"}]})
    assert join(["a", secret("s", "1"), REF]) == Text(("a", secret("s", "1"), REF))


def test_expressions_survive_the_canonical_form() -> None:
    values = [
        REF,
        Fact("h", ("os", "id")),
        Text(("a", REF)),
        Template("t", "{{ x }}", {"x": REF}),
        join(["a", secret("s", "1")]),
    ]
    assert canonical.decode(canonical.encode(values), IR_TAGS) == values


def test_join_takes_texts_apart() -> None:
    inner = join(["b", REF])
    assert join(["a", inner, "", "c"]) == Text(("ab", REF, "c"))
    one = join(["x", secret("s", "1"), "y"])
    assert join(["w", one, "z"]) == Secret({"text": ["wx", {"secret": "s", "version": "1"}, "yz"]})
    assert join([inner, one]) == Text(("b", REF, one))
