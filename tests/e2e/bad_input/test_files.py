"""What a project may be made of: nothing in it takes more than its share, leaves its folder, or ends in a traceback."""

from __future__ import annotations

import os

import pytest

from tests.e2e.forked import Server

from .conftest import CALM, Place

BOMB = "values:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  {n}: &{n} [{', '.join(['*' + p] * 10)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)
DEEP = 10_000


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(BOMB, "AIVP0116", id="alias-bomb"),
        pytest.param("values: {a: &a [*a]}\n", "AIVP0116", id="alias-to-itself"),
        pytest.param("values: {a: " + "[" * DEEP + "]" * DEEP + "}\n", "AIVP0117", id="deep-lists"),
        pytest.param("values: {a: " + "{b: " * DEEP + "1" + "}" * DEEP + "}\n", "AIVP0117", id="deep-maps"),
        pytest.param("values:\n" + "".join(" " * n + "a:\n" for n in range(1, 2000)), "AIVP0117", id="deep-blocks"),
        pytest.param("values: {a: " + "[" * DEEP, "AIVP0117", id="deep-and-open"),
        pytest.param(b"\x00\x01\x02\xff\xfe" * 1000, "AIVP0106", id="binary"),
        pytest.param(b'values: {a: "\xc3\x28"}\n', "AIVP0106", id="not-utf-8"),
        pytest.param("values: {a: \x1b[31m}\n", None, id="control-characters"),
        pytest.param("\ufeffvalues: {a: 1}\n", None, id="byte-order-mark"),
        pytest.param("values: {a: 1}\nvalues: {b: 1}\n", "AIVP0108", id="twice"),
        pytest.param("values: {a: !!python/object/apply:os.system [id]}\n", "AIVP0109", id="python-tag"),
        pytest.param("values: {a: 1" + "0" * 5000 + "}\n", None, id="huge-number"),
        pytest.param("values: {a: 1e999999999}\n", None, id="huge-exponent"),
        pytest.param("values: {$aivp: secret}\n", "AIVP0114", id="reserved-key"),
        pytest.param("values: {? [a, b] : 1}\n", "AIVP0113", id="a-list-as-key"),
        pytest.param("values: *nobody\n", None, id="unknown-alias"),
        pytest.param("--- {}\n--- {}\n", "AIVP0115", id="two-documents"),
        pytest.param("%YAML 9.9\n---\nvalues: {}\n", None, id="another-yaml"),
    ],
)
def test_yaml(place: Place, text: str | bytes, code: str | None) -> None:
    place.put({"aivp.yaml": CALM + "include: [x.yaml]\n", "x.yaml": text})
    ended = place.aivp("validate", seconds=20)
    if code is None:
        assert ended.code in (0, 1)
        assert ended.code == 0 or ended.codes
    else:
        assert (ended.code, ended.codes[0]) == (1, code), ended.err
    assert ended.megabytes < 300


def test_an_empty_or_missing_root(place: Place) -> None:
    (place.folder / "aivp.yaml").write_bytes(b"")
    place.refused("validate")
    (place.folder / "aivp.yaml").unlink()
    place.refused("validate")
    place.refused("validate", "-C", "nowhere")


@pytest.mark.parametrize(
    ("where", "code"), [("aivp.yaml", "AIVP0105"), ("x.yaml", "AIVP0105"), ("templates/t.j2", "AIVP0227")]
)
def test_a_file_of_50_megabytes(place: Place, where: str, code: str) -> None:
    template = "resources:\n  file.a: {host: lab, path: /tmp/a, template: templates/t.j2}\n"
    include = "include: [x.yaml]\n" if where == "x.yaml" else ""
    place.put({"aivp.yaml": CALM + include + (template if where.endswith(".j2") else "")})
    place.put({where: b"# " + b"x" * (50 * 1024 * 1024)})
    ended = place.refused("validate", seconds=20, most=200)
    assert ended.codes == [code]


def test_a_source_of_50_megabytes_is_no_burden(place: Place) -> None:
    place.put({"aivp.yaml": f"{CALM}resources:\n  file.a: {{host: lab, path: /tmp/a, source: files/content}}\n"})
    place.put({"files/content": b"# " + b"x" * (50 * 1024 * 1024)})
    ended = place.aivp("validate", seconds=20)
    assert (ended.code, ended.megabytes < 60) == (0, True), ended


def test_many_values_in_small_files(place: Place) -> None:
    place.put({"aivp.yaml": CALM + "include: ['*.yml']\n"})
    place.put({f"{n}.yml": f"values: {{v{n}: [{', '.join(['1'] * 100_000)}]}}\n" for n in range(4)})
    ended = place.aivp("validate", seconds=60)
    assert ended.code in (0, 1)
    assert ended.megabytes < 1000


def test_includes_in_a_circle(place: Place) -> None:
    place.put(
        {"aivp.yaml": CALM + "include: [a.yaml]\n", "a.yaml": "include: [b.yaml]\n", "b.yaml": "include: [a.yaml]\n"}
    )
    place.refused("validate")
    place.put({"aivp.yaml": CALM + "include: [aivp.yaml]\n"})
    place.refused("validate")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ("values: {a: '${values.b}', b: '${values.a}'}", "AIVP0207"),
        ("values: {a: 'x${values.a}'}", "AIVP0207"),
        ("values: {a: ['${values.a}']}", "AIVP0207"),
        pytest.param(
            "defaults: {noop: {host: lab}}\n"
            "resources: {noop.a: {input: '${noop.b.output}'}, noop.b: {input: '${noop.a.output}'}}",
            "AIVP0220",
        ),
        ("resources: {noop.a: {host: lab, input: '${noop.a.output}'}}", None),
        (
            "resources: {noop.a: {host: lab, depends_on: [noop.b]}, noop.b: {host: lab, depends_on: [noop.a]}}",
            "AIVP0220",
        ),
        ("resources: {noop.a: {host: lab, depends_on: [noop.a]}}", "AIVP0220"),
        ("moved: [{from: noop.a, to: noop.b}, {from: noop.b, to: noop.a}]", None),
        ("groups: {a: {groups: [b]}, b: {groups: [a]}}", None),
    ],
)  # fmt: skip
def test_references_in_a_circle(place: Place, values: str, code: str | None) -> None:
    place.put({"aivp.yaml": CALM + values + "\n"})
    ended = place.refused("validate", seconds=20)
    assert code is None or ended.codes[0] == code, ended.err


def test_references_that_double(place: Place) -> None:
    """Thirty values, each twice the one before: text of a gigabyte from a file of a kilobyte."""
    values = "".join(f"  v{n}: '${{values.v{n - 1}}}${{values.v{n - 1}}}'\n" for n in range(1, 31))
    place.put({"aivp.yaml": CALM + "values:\n  v0: x\n" + values})
    ended = place.aivp("validate", seconds=30)
    assert ended.code in (0, 1)
    assert ended.megabytes < 300
    lists = "".join(f"  v{n}: ['${{values.v{n - 1}}}', '${{values.v{n - 1}}}']\n" for n in range(1, 31))
    resource = "resources: {noop.a: {host: lab, triggers: {x: '${values.v30}'}}}\n"
    place.put({"aivp.yaml": CALM + "values:\n  v0: x\n" + lists + resource})
    ended = place.refused("validate", seconds=30, most=500)


def test_for_each_without_end(place: Place) -> None:
    place.put({"aivp.yaml": CALM + "resources: {noop.a: {host: lab, for_each: 100000000, input: x}}\n"})
    place.refused("validate", seconds=20)


@pytest.mark.parametrize(
    "path", ["../outside.yaml", "/etc/passwd", "a/../../outside.yaml", "link.yaml", "folder/x.yaml", "~/x"]
)
@pytest.mark.parametrize("use", ["include", "source", "template", "secret"])
def test_paths_that_leave_the_project(place: Place, path: str, use: str, server: Server) -> None:
    outside = place.folder.parent / "outside.yaml"
    outside.write_text("values: {hidden: TOP-SECRET}\n")
    os.symlink(outside, place.folder / "link.yaml")
    os.symlink(place.folder.parent, place.folder / "folder")
    (place.folder.parent / "x.yaml").write_text("values: {hidden: TOP-SECRET}\n")
    text = {
        "include": f"include: ['{path}']\n",
        "source": f"resources: {{file.a: {{host: lab, path: /tmp/a, source: '{path}'}}}}\n",
        "template": f"resources: {{file.a: {{host: lab, path: /tmp/a, template: '{path}'}}}}\n",
        "secret": f"secrets: {{s: {{file: '{path}'}}}}\nresources: {{file.a: {{host: lab, path: {place.things}/a, "
        "content: '${secret.s}'}}\n",
    }[use]
    place.put({"aivp.yaml": CALM + text})
    if use == "secret" and path == "/etc/passwd":  # a secret may lie anywhere; into this one, anybody may write
        (place.folder.parent / "open").write_text("TOP-SECRET")
        place.put({"aivp.yaml": CALM + text.replace(path, str(place.folder.parent / "open"))})
        (place.folder.parent / "open").chmod(0o666)
    code, out, err = server.run(["plan"], place.folder, place.environ)
    assert (code, b"error[AIVP" in err, b"Traceback" in err) == (1, True, False), err
    assert b"TOP-SECRET" not in out + err


@pytest.mark.parametrize("name", ["fifo", "folder", "device"])
def test_what_is_no_file(place: Place, name: str) -> None:
    os.mkfifo(place.folder / "fifo")
    (place.folder / "folder").mkdir()
    os.symlink("/dev/zero", place.folder / "device")
    for text in (f"include: [{name}]\n", f"resources: {{file.a: {{host: lab, path: /tmp/a, source: {name}}}}}\n"):
        place.put({"aivp.yaml": CALM + text})
        place.refused("validate", seconds=20)
    (place.folder / "aivp.yaml").unlink()
    os.symlink(name, place.folder / "aivp.yaml")
    place.refused("validate", seconds=20)


@pytest.mark.parametrize(
    "given",
    [
        ("--var", "n=three"),
        ("--var", "n=1.5"),
        ("--var", "n=[1]"),
        ("--var", "n="),
        ("--var", "n=-1"),
        ("--var", "n=99999999999999999999"),
        ("--var", "unknown=1"),
        ("--var", "n"),
        ("--var", "n=\udcff"),
        ("--var", "l={$aivp: secret}"),
        ("--var", "l=" + "[" * 5000),
        ("--var", "l=&a [*a]"),
        ("--var-file", "nowhere.yaml"),
        ("--var-file", "bad.yaml"),
        ("--var-file", "list.yaml"),
        ("--var-file", "."),
    ],
    ids=lambda given: "-".join(given)[:40].encode("ascii", "replace").decode(),
)
def test_variables(place: Place, given: tuple[str, str]) -> None:
    variables = "variables:\n  n: {type: integer, default: 1, minimum: 0}\n  l: {type: list, default: []}\n"
    place.put({"aivp.yaml": CALM + variables, "bad.yaml": b"\xff\x00", "list.yaml": "[1, 2]\n"})
    ended = place.aivp("validate", *given, seconds=20)
    assert (ended.code, ended.out) == (1, ""), ended.err


def test_variables_of_the_environment(place: Place) -> None:
    place.put({"aivp.yaml": CALM + "variables: {n: {type: integer, default: 1}}\n"})
    place.refused("validate", AIVP_VAR_n="three")
