from __future__ import annotations

import time
from typing import Any

import pytest

from aivp.templates import Job, Limits, Problem, render

TIGHT = Limits(cpu_each=1, cpu=5, wall=10, output_each=100_000)


def job(source: str, **variables: Any) -> Job:
    return Job("t.j2", source, frozenset(variables), variables)


@pytest.mark.parametrize(
    ("source", "variables", "text"),
    [
        ("", {}, ""),
        ("no newline", {}, "no newline"),
        ("newline\n\n", {}, "newline\n\n"),
        ("{{ a }}|{{ b.c[1] }}|{{ d }}", {"a": "x<y", "b": {"c": [1, 2]}, "d": True}, "x<y|2|True"),
        ("{% for x in xs -%}\n{{ loop.index }}={{ x }};\n{%- endfor %}", {"xs": ["a", "b"]}, "1=a;2=b;"),
        ("{{ xs | map('upper') | join(' ') }} {{ xs | length }}", {"xs": ["b", "a"]}, "B A 2"),
        (
            "{{ m | dictsort }} {{ m | tojson }}",
            {"m": {"b": 1, "a": "ä"}},
            "[('a', 'ä'), ('b', 1)] {\"a\": \"\\u00e4\", \"b\": 1}",
        ),
        ("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(1) }}{% set y = 2 %}{{ y }}", {}, "<1>2"),
        ("{{ a | default('x') }}{{ none_ }}", {"a": "", "none_": None}, "None"),
        ("{{ range(3) | list }} {{ 2 ** 10 }} {{ 'ab' * 3 }} {{ '%05d' % 3 }}", {}, "[0, 1, 2] 1024 ababab 00003"),
        ("{# comment #}{% raw %}{{ x }}{% endraw %}", {}, "{{ x }}"),
        ("😀 {{ a }}", {"a": "é"}, "😀 é"),
    ],
)
def test_templates_render(source: str, variables: Any, text: str) -> None:
    assert render([job(source, **variables)]) == [text]


def test_a_batch_keeps_its_order_and_needs_no_child_when_empty() -> None:
    assert render([job("{{ x }}", x=i) for i in range(300)]) == [str(i) for i in range(300)]
    assert render([]) == []


def test_without_values_a_template_is_only_looked_at() -> None:
    fine, wrong = Job("a", "{{ x }}", frozenset({"x"}), None), Job("b", "{{ y }}", frozenset({"x"}), None)
    first, second = render([fine, wrong])
    assert first is None
    assert isinstance(second, Problem)
    assert second.code == "AIVP0821"


@pytest.mark.parametrize(
    ("source", "code", "place", "message"),
    [
        ("a\n {{ nme }}", "AIVP0821", (2, 5), "The template uses nme, which is not among its variables."),
        ("{% if x %}{{ b }}{% endif %}", "AIVP0821", (1, 14), "uses b"),
        ("{{ lipsum() }}", "AIVP0821", (1, 4), "lipsum"),
        ("a\n{% for %}", "AIVP0820", (2, 0), "does not parse"),
        ("{{ x | nofilter }}", "AIVP0820", (1, 0), "nofilter"),
        ("a\nb\n{{ x.y }}", "AIVP0822", (3, 0), "uses what is not defined"),
        ("{{ 1 / 0 }}", "AIVP0822", (1, 0), "division by zero"),
        ("{{ x | random }}", "AIVP0824", (1, 8), "random"),
        ("{% include 'a' %}", "AIVP0824", (1, 1), "cannot include"),
        ("{% import 'a' as b %}", "AIVP0824", (1, 1), "cannot include"),
        ("{% extends 'a' %}", "AIVP0824", (1, 1), "cannot include"),
        ("{{ x.__class__ }}", "AIVP0822", (1, 0), "unsafe"),
        ("{{ x | attr('__class__') }}", "AIVP0822", (1, 0), ""),
        ("{{ ''.join.__self__ }}", "AIVP0822", (1, 0), "unsafe"),
        ("{{ '{0.__class__}'.format(x) }}", "AIVP0822", (1, 0), "unsafe"),
        ("{{ xs.append(1) }}", "AIVP0822", (1, 0), "unsafe"),
        ("{{ xs | map('upper') }}", "AIVP0822", (1, 0), "has no text"),
        ("{{ [xs | map('upper')] | string }}", "AIVP0822", (1, 0), "has no text"),
        ("{{ range }}", "AIVP0822", (1, 0), "has no text"),
        ("{{ namespace() }}", "AIVP0822", (1, 0), "has no text"),
    ],
)
def test_what_a_template_does_wrong_is_told_with_its_line(
    source: str, code: str, place: tuple[int, int], message: str
) -> None:
    (found,) = render([job(source, x="v", xs=["a"])])
    assert isinstance(found, Problem), found
    assert (found.code, (found.line, found.column)) == (code, place)
    assert message in found.why


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}{{ 'x' * 999 }}{% endfor %}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ 9 ** 99999999 }}",
        "{{ 'x' | center(10 ** 12) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ ('a' * 99999) | replace('a', 'b' * 99999) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ " + "(" * 9000 + "1" + ")" * 9000 + " }}",
        "{% if 1 %}" * 9000 + "{% endif %}" * 9000,
        "{{ [" * 5000 + "1" + "] }}" * 5000,
        "{% set x = 'a' %}" + "{% set x = x ~ x %}" * 60 + "{{ x | length }}",
    ],
)
def test_a_template_without_end_is_stopped_in_bounded_time(source: str) -> None:
    start = time.monotonic()
    before, found = render([job("fine"), job(source)], TIGHT)
    assert before == "fine"
    assert isinstance(found, Problem)
    assert found.code in ("AIVP0823", "AIVP0822", "AIVP0820")
    assert time.monotonic() - start < TIGHT.wall + 20  # a loaded machine is slow to start processes


def test_the_one_that_kills_the_child_is_blamed() -> None:
    slow = "{% for i in range(9999) %}{{ ('a' * 99999) | replace('a', 'bb') | length }}{% endfor %}"
    results = render([job("a"), job(slow), job("b")], Limits(cpu_each=30, cpu=1, wall=10))
    assert results[0] == "a"
    assert [item.code for item in results[1:] if isinstance(item, Problem)] == ["AIVP0823", "AIVP0825"]


def test_the_childs_environment_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    monkeypatch.setenv("PYTHONSTARTUP", "/nonexistent")
    assert render([job("x")]) == ["x"]
