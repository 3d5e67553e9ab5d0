import subprocess
import sys
import time

import pytest
from aivp_contract.canonical import admit
from hypothesis import given, settings
from hypothesis import strategies as st

from aivp.config import yaml
from aivp.config.yaml import parse
from aivp.diagnostics import Diagnostics
from tests.config.conftest import told

GOOD = {
    "": None,
    "# nothing\n": None,
    "---\n...\n": None,
    "a: 1": {"a": 1},
    "a: no\nb: [yes, on, 'true', true]": {"a": "no", "b": ["yes", "on", "true", True]},
    "a:": {"a": None},
    "? a\n: b": {"a": "b"},
    '"1": x\n\'null\': y\n"<<": z': {"1": "x", "null": "y", "<<": "z"},
    "no: 1\non: 2": {"no": 1, "on": 2},
    "a: &x {b: 1}\nc: *x": {"a": {"b": 1}, "c": {"b": 1}},
    "&k key: *k": {"key": "key"},
    "a: &k key\n*k : 2": {"a": "key", "key": 2},
    "a: &x 1\nb: &x 2\nc: *x": {"a": 1, "b": 2, "c": 2},
    "a: !!str 0644\nb: !!int 7\nc: !!float 1.5\nd: ! 12\ne: !!map {}\nf: !!seq []\ng: !!null ~\nh: !!bool true": {
        "a": "0644", "b": 7, "c": 1.5, "d": "12", "e": {}, "f": [], "g": None, "h": True,
    },
    'a: "tab\\there \\u00e9 \\0"': {"a": "tab\there é \0"},
    'a: "\t"': {"a": "\t"},
    "a: |\n  0644\n  x\nb: >-\n  folded\n  text": {"a": "0644\nx\n", "b": "folded text"},
    "- 1\n- [2, {a: 3}]": [1, [2, {"a": 3}]],
    "just text": "just text",
    "a: 'é😀'": {"a": "é😀"},
    "a: [1,]": {"a": [1]},
}  # fmt: skip

# text → the codes and places of its mistakes
BAD = {
    "a: 1\nb: 2\na: 3": "AIVP0108 3:1",
    "a: {b: 1, b: 2}\nc: [{d: 1, e: 2, d: 3}]": "AIVP0108 1:11, AIVP0108 2:18",
    "a: !foo 1": "AIVP0109 1:4",
    "a: !!int x\nb: !!binary aGk=\nc: !!seq {}\n!!int d: 1\ne: !!set {}": (
        "AIVP0109 1:4, AIVP0109 2:4, AIVP0109 3:4, AIVP0109 4:1, AIVP0109 5:4"
    ),
    "a: &x {b: 1}\nc:\n  <<: *x": "AIVP0110 3:3",
    "mode: 0644\nother: 01": "AIVP0111 1:7, AIVP0111 2:8",
    "a: .nan\nb: [.inf, 9007199254740992]": "AIVP0112 1:4, AIVP0112 2:5, AIVP0112 2:11",
    "1: a\ntrue: b\n~: c\n1.5: d": "AIVP0113 1:1, AIVP0113 2:1, AIVP0113 3:1, AIVP0113 4:1",
    "0644: a": "AIVP0113 1:1",
    "? [a]\n: b\n? {c: d}\n: e": "AIVP0113 1:3, AIVP0113 3:3",
    "a: {{ name }}": "AIVP0113 1:5",
    "a: &x 1\n*x : b": "AIVP0113 2:1",
    "$aivp: x\na: {$aivp: y}": "AIVP0114 1:1, AIVP0114 2:5",
    "a: 1\n---\nb: 2": "AIVP0115 2:1",
    "a: *x": "AIVP0116 1:4",
    "a: &x [1, *x]": "AIVP0116 1:11",
    "a: &x 1\nb: &x {c: *x}": "AIVP0116 2:11",
    "a:\n\tb: 1": "AIVP0107 2:1",
    "a: @x": "AIVP0107 1:4",
    "a: b: c": "AIVP0107 1:5",
    "a: 'x": "AIVP0107 1:4",
    "a: [1": "AIVP0107 1:4",
    'a: "\\q"': "AIVP0107 1:5",
    'a: "\\ud800"': "AIVP0107 1:7",
    "%YAML 3.0\n---\na": "AIVP0107 1:1",
    "%TAG ! x\n" * 20 + "--- a": "AIVP0107 1:1",
    "a: 1\na: \x01": "AIVP0106 2:4",
    "a: 1\n# b\u2028c: 2": "AIVP0106 2:4",
    "a: 1\n# b\x85c: 2": "AIVP0106 2:4",
    "a: 012\nb: [": "AIVP0111 1:4, AIVP0107 3:1",
}


@pytest.mark.parametrize("text", GOOD)
def test_value(text: str) -> None:
    found = Diagnostics()
    parsed = parse(text.encode(), "f.yaml", found)
    assert parsed is not None, told(found)
    assert parsed.value == GOOD[text]
    assert not found.items


@pytest.mark.parametrize("text", BAD)
def test_mistakes(text: str) -> None:
    found = Diagnostics()
    assert parse(text.encode(), "f.yaml", found) is None
    assert ", ".join(f"{item.code} {item.span.line}:{item.span.column}" for item in found if item.span) == BAD[text]


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00",
        b"\xef\xbb\xbfa: 1",
        b"a: \xc3\x28",
        b"\x7fELF\x02\x01\x01\x00" * 100,
        b"\x00" * 1000,
        b"a: \xed\xa0\x80",
    ],
)
def test_what_is_no_text(data: bytes) -> None:
    found = Diagnostics()
    assert parse(data, "f.yaml", found) is None
    assert [item.code for item in found] == ["AIVP0106"]


def test_second_key_shows_the_first() -> None:
    found = Diagnostics()
    parse(b"a:\n  - {x: 1}\n  - x: 1\n    y: 2\n    x: 3\n", "f.yaml", found)
    assert told(found) == (
        'AIVP0108 f.yaml:5:5\n  The key "x" stands twice in this map.\n  > Remove one of the two.\n'
        "  f.yaml:3:5 first here\n"
    )


def test_columns_count_characters() -> None:
    found = Diagnostics()
    parse("é: 'ü😀' \nab: [ö, 012]".encode(), "f.yaml", found)
    assert [str(item.span) for item in found] == ["f.yaml:2:9"]


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
)
HOSTILE = {
    "alias bomb": (BOMB, "AIVP0116"),
    "alias bomb of one text": (f"a: &a {'x' * 1_000_000}\nb: [{','.join(['*a'] * 1000)}]", "AIVP0116"),
    "alias bomb of keys": (BOMB.replace("[", "{k: ").replace(",", ", l: ").replace("]", "}"), "AIVP0108"),
    "10,000 lists deep": ("[" * 10_000, "AIVP0117"),
    "10,000 maps deep": ("{a: " * 10_000, "AIVP0117"),
    "10,000 dashes deep": ("- " * 10_000 + "x", "AIVP0117"),
    "10,000 lines deep": ("".join(" " * i + "a:\n" for i in range(10_000))[: 8 << 20], "AIVP0117"),
    "10,000 complex keys deep": ("? " * 10_000 + "x", "AIVP0117"),
    "too many values": ("a: [" + "1," * 1_100_000 + "1]", "AIVP0118"),
    "a mistake on every line": ("a: 012\n" * 100_000, "AIVP0119"),
    "directives without end": ("%TAG !a! x\n" * 500_000 + "--- a", "AIVP0107"),
    "later directives without end": ("--- a\n...\n" + "%TAG !a! x\n" * 500_000 + "--- a", "AIVP0107"),
    "anchors without end": ("a: [" + ",".join(f"&a{i} x" for i in range(400_000)) + "]\nb: *c", "AIVP0116"),
    "16 MiB and one byte": ("#" * ((16 << 20) + 1), "AIVP0105"),
    "one unclosed quote of 15 MiB": ('a: "' + "x\n" * (7 << 20), "AIVP0107"),
    "brackets that never match": ("]" * (1 << 20), "AIVP0107"),
    "question marks": ("? " * (1 << 20), "AIVP0117"),
    "one key of 15 MiB": ("x" * (15 << 20) + ": 1\n" + "y: 012", "AIVP0107"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_ends_in_bounded_time(name: str) -> None:
    text, code = HOSTILE[name]
    found = Diagnostics()
    start = time.process_time()
    assert parse(text.encode(), "f.yaml", found) is None
    assert code in {item.code for item in found}
    assert len(found.items) <= yaml.MAX_MISTAKES + 2
    assert time.process_time() - start < 10
    assert all(len(item.why) + len(item.mend) < 600 for item in found)


@pytest.mark.parametrize("text", [*GOOD, *BAD])
def test_pure_python_reads_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML without libyaml names other places, and calls fewer things wrong: no code of ours may depend on it."""
    monkeypatch.delattr("yaml.CSafeLoader")
    found = Diagnostics()
    parsed = parse(text.encode(), "f.yaml", found)
    if text in GOOD:
        assert parsed is not None, told(found)
        assert parsed.value == GOOD[text]
        parsed.spans.value(["a"])
    else:
        assert parsed is None
        assert [item.code for item in found] == [place.split()[0] for place in BAD[text].split(", ")]


@pytest.mark.parametrize("name", [name for name in HOSTILE if "deep" in name or "bomb" in name])
def test_pure_python_is_bounded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("yaml.CSafeLoader")
    test_hostile_input_ends_in_bounded_time(name)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=400))
def test_no_bytes_bring_it_down(data: bytes) -> None:
    _check(data)


@settings(deadline=None, max_examples=700)
@given(st.text(alphabet="ab01-?:,[]{}&*!|>'\"%@`# \n\t<$~.é\\/", max_size=120))
def test_no_text_brings_it_down(text: str) -> None:
    _check(text.encode())


def _check(data: bytes) -> None:
    found = Diagnostics()
    parsed = parse(data, "f.yaml", found)
    assert (parsed is None) == found.has_errors
    if parsed is not None:
        admit(parsed.value)
        parsed.spans.value(["a", 0, "b"])
    for item in found:
        assert item.span is not None
        assert item.span.line >= 1
        assert item.span.column >= 1


def large(count: int, style: str) -> bytes:
    """The project that performance is measured on."""
    if style == "flow":
        line = '  file.f{0:04d}: {{host: lab, path: /srv/f{0:04d}, content: "hello {0:04d}", mode: "0644"}}\n'
    else:
        line = "  file.f{0:04d}:\n    host: lab\n    path: /srv/f{0:04d}\n"
        line += '    content: "hello {0:04d}"\n    mode: "0644"\n\n'
    return ("resources:\n" + "".join(line.format(i) for i in range(count))).encode()


_MEASURE = """
import resource, sys, time
from aivp.config.yaml import parse
from aivp.diagnostics import Diagnostics
from tests.config.test_yaml import large
data = large(10_000, sys.argv[1])
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
parsed = parse(data, "f.yaml", Diagnostics())
assert len(parsed.value["resources"]) == 10_000
print(time.process_time() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize("style", ["flow", "block"])
def test_ten_thousand_resources_are_quick_and_small(style: str) -> None:
    done = subprocess.run([sys.executable, "-c", _MEASURE, style], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 1.5
    assert megabytes < 60
