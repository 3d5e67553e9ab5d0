"""CUE packages and templates: other people's programs, in bounds of time and memory."""

from __future__ import annotations

import os
import re

import pytest

from .conftest import CALM, Place

MODULE = 'module: "example.com/x"\nlanguage: version: "v0.9.0"\n'


def cue(place: Place, text: str) -> None:
    place.put(
        {
            "aivp.yaml": CALM + "include: [site]\n",
            "cue.mod/module.cue": MODULE,
            "site/site.cue": "package site\n" + text,
        }
    )


def doubling(count: int, first: str, twice: str) -> str:
    """A value that doubles `count` times: of bytes that fit into a line, gigabytes."""
    steps = "".join(f"_t{n}: {twice.format(p=f'_t{n - 1}')}\n" for n in range(1, count + 1))
    return f"_t0: {first}\n{steps}values: a: _t{count}\n"


LISTS = ("[1]", "[{p}, {p}]")
TEXTS = ('"0123456789"', '"\\({p})\\({p})"')


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(doubling(35, *TEXTS), "it needed more than 1024 MiB of memory", id="takes-memory"),
        pytest.param(doubling(35, *LISTS), "it needed more than 1024 MiB of memory|it (used|took) .* seconds",
                     id="takes-memory-in-lists", marks=pytest.mark.slow),
        pytest.param(doubling(21, *TEXTS), "it printed more than 16 MiB", id="prints"),
        pytest.param(
            "import \"list\"\n_n: list.Range(0, 9000, 1)\nvalues: a: len([for a in _n for b in _n {a*b}])\n",
            "it used more than 30 seconds of CPU|it took longer than 60 seconds", id="never-ends",
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_cue_without_end(place: Place, text: str, why: str) -> None:
    cue(place, text)
    ended = place.refused("validate", seconds=120, most=1200)
    assert ended.codes == ["AIVP0154"]
    assert re.search(why, " ".join(ended.err.split())), ended.err


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import \"list\"\nvalues: a: list.Repeat([1], 100000000)\n", id="too-large"),
        pytest.param("values: a: " + "{x: " * 3000 + "1" + "}" * 3000 + "\n", id="too-deep"),
        pytest.param("import \"strings\"\nvalues: a: strings.Repeat(\"x\", 1000000000)\n", id="too-much-text"),
        pytest.param("import \"github.com/nobody/nothing\"\nvalues: a: nothing.x\n", id="fetches"),
        pytest.param("import \"tool/exec\"\nvalues: a: exec.Run\n", id="runs"),
        pytest.param("values: a: b\n", id="unknown-name"),
        pytest.param("values: {a: b, b: a}\nvalues: a: >1\n", id="not-concrete"),
        pytest.param("values: {a: 1} & {a: 2}\n", id="conflict"),
        pytest.param("values: a: \"\\(1\n", id="syntax"),
        pytest.param("\xff\xfe\n", id="junk"),
        pytest.param("#A: {a: #A}\nvalues: #A\n", id="endless-structure"),
    ],
)  # fmt: skip
def test_cue(place: Place, text: str) -> None:
    cue(place, text)
    place.refused("validate", seconds=60, most=300)


def test_cue_sees_no_file_beside_its_package(place: Place) -> None:
    (place.folder.parent / "outside.txt").write_text("TOP-SECRET")
    cue(place, "@extern(embed)\nvalues: a: _ @embed(file=../../outside.txt,type=text)\n")
    ended = place.refused("validate")
    assert "TOP-SECRET" not in ended.out + ended.err


@pytest.mark.parametrize("link", ["site/more.cue", "site", "cue.mod"])
def test_cue_behind_a_link_that_leaves_the_project(place: Place, link: str) -> None:
    outside = place.folder.parent / "outside"
    outside.mkdir()
    (outside / "more.cue").write_text('package site\nvalues: hidden: "TOP-SECRET"\n')
    (outside / "module.cue").write_text(MODULE)
    cue(place, "values: {}\n" if link != "site" else "")
    path = place.folder / link
    if path.is_dir():
        path.rename(path.with_name("before"))
    os.symlink(outside / "more.cue" if link.endswith(".cue") else outside, path)
    ended = place.refused("compile", "-o", "ir.json")
    assert "TOP-SECRET" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("{% for a in range(99999) %}{% for b in range(99999) %}xxxxxxxxxx{% endfor %}{% endfor %}", None,
                     id="grows"),
        pytest.param("{{ 'x' * 10000000000 }}", None, id="huge-at-once"),
        pytest.param("{% for a in range(10**9) %}{% endfor %}", None, id="counts"),
        pytest.param("{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}", None,
                     id="counts-on", marks=pytest.mark.slow),
        pytest.param("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", None, id="calls-itself"),
        pytest.param("{{ 9 ** (9 ** 9) }}", None, id="computes"),
        pytest.param("{{ ''.__class__.__mro__[1].__subclasses__() }}", None, id="escapes"),
        pytest.param("{{ cycler.__init__.__globals__.os.popen('id').read() }}", None, id="runs"),
        pytest.param("{% include '/etc/passwd' %}", "AIVP0824", id="includes"),
        pytest.param("{{ nothing }}", "AIVP0821", id="unknown"),
        pytest.param("{% if %}", "AIVP0820", id="syntax"),
        pytest.param("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", None, id="deep"),
        pytest.param("{% set x = namespace(a=[]) %}{% for i in range(99999) %}{% set x.a = [x.a, x.a] %}{% endfor %}"
                     "{{ x.a }}", None, id="doubles", marks=pytest.mark.slow),
        pytest.param("{{ '%9999999999d' % 1 }}", None, id="pads"),
        pytest.param("{{ '{:>9999999999}'.format(1) }}", None, id="formats"),
        pytest.param("{{ 'x'.center(9999999999) }}", None, id="centres"),
        pytest.param("{{ ('a' * 50000) | wordwrap(1) | replace('a', 'a' * 50000) }}", None, id="replaces"),
        pytest.param("{{ 1 / 0 }}", None, id="divides"),
    ],
)  # fmt: skip
def test_templates(place: Place, text: str, code: str | None) -> None:
    resource = "resources:\n  file.a: {host: lab, path: /tmp/a, template: t.j2}\n"
    place.put({"aivp.yaml": CALM + resource, "t.j2": text})
    ended = place.refused("plan", seconds=60, most=700)
    assert code is None or ended.codes == [code], ended.err
