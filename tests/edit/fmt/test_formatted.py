"""What `aivp fmt` makes of a file: the same values, every comment, one layout, and nothing to do the second time."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from aivp.config import yaml
from aivp.diagnostics import Diagnostics, Refused
from aivp.edit.fmt.formatted import comments, formatted
from tests import txtar
from tests.edit.fmt.written import documents

ROOT = Path(__file__).parents[3]
CASES = Path(__file__).parent / "cases"


def value(data: bytes) -> str | None:
    parsed = yaml.parse(data, "f.yaml", Diagnostics())
    return None if parsed is None else json.dumps(parsed.value)


def held(data: bytes) -> bytes:
    """Laid out, with everything that is promised of it checked from outside."""
    done = formatted(data, "f.yaml")
    text = done.decode()
    assert value(done) == value(data.removeprefix(b"\xef\xbb\xbf"))
    assert sorted(comments(text)) == sorted(comments(data.decode("utf-8-sig")))
    assert formatted(done, "f.yaml") == done
    assert "\r" not in text
    assert not text.startswith("\n")
    return done


@settings(max_examples=300, deadline=None, suppress_health_check=[*HealthCheck])
@given(documents())
def test_any_layout_becomes_ours_and_means_the_same(text: str) -> None:
    data = text.encode()
    assume(value(data) is not None)
    held(data)


def every_file() -> list[Path]:
    kept = [
        path for folder in ("examples", "demo", "tests", "docs", "aivp") for path in (ROOT / folder).rglob("*.y*ml")
    ]
    return sorted([*kept, *ROOT.glob(".*.yaml")])


@pytest.mark.parametrize("path", every_file(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_file_of_this_repository(path: Path) -> None:
    data = path.read_bytes()
    if value(data) is None:
        with pytest.raises(Refused):
            formatted(data, path.name)
    else:
        held(data)


def test_every_yaml_text_in_the_cases_of_the_language() -> None:
    """Also those that mean nothing good: what reads is laid out, what does not is refused."""
    seen = 0
    for case in sorted((ROOT / "tests").rglob("*.txtar")):
        for name, text in txtar.read(case)[1].items():
            if name.endswith((".yaml", ".yml")):
                seen += 1
                if value(text.encode()) is not None:
                    held(text.encode())
    assert seen > 50


@pytest.mark.parametrize("path", sorted(CASES.glob("*.txtar")), ids=lambda path: path.stem)
def test_layout(path: Path) -> None:
    """Written → laid out, as a person would look at it. `refused` holds codes where nothing is written."""
    _, files = txtar.read(path)
    data = files["written"].replace("␍", "\r").replace("␉", "\t").replace("␠", " ").encode()
    if "refused" in files:
        with pytest.raises(Refused) as refused:
            formatted(data, "f.yaml")
        assert [item.code for item in refused.value.diagnostics] == files["refused"].split()
        return
    assert held(data).decode() == files["laid out"]


def test_a_byte_order_mark_goes() -> None:
    assert held(b"\xef\xbb\xbfa:   1\n") == b"a: 1\n"


@pytest.mark.parametrize("data", [b"\xff\xfea\0", b"a: \xff\n", b"a: \x1b[2J\n", b"a: \x00\n"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        formatted(data, "f.yaml")
    assert {item.code for item in refused.value.diagnostics} == {"AIVP0106"}


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# only this", b"a: |\n  x", b"a: |+\n  x\n\n\n", b"a: >-\n  x"])
def test_ends_of_files(data: bytes) -> None:
    done = held(data)
    assert done == b"" or done.endswith(b"\n") or data.endswith(b"x")


def test_a_megabyte_takes_seconds() -> None:
    one = "  file.f{}:\n      path:   /tmp/{}   # why\n      content: |\n            a\n            b\n"
    one += "      vars: {{ a: 1,b: [1,2] }}\n\n"
    data = ("resources:\n" + "".join(one.format(i, i) for i in range(9_000))).encode()
    assert len(data) > 1_000_000
    start = time.process_time()
    formatted(data, "f.yaml")
    assert time.process_time() - start < 60


def test_a_line_of_a_megabyte() -> None:
    held(b'a: {b:   "' + b"x" * 1_000_000 + b'"}\n')
