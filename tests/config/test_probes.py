from pathlib import Path

import pytest

from aivp.config.cue import find_cue
from aivp.config.documents import Package
from aivp.config.packages import export
from aivp.config.probes import contradiction
from aivp.diagnostics import Diagnostics, Span
from tests.config.conftest import MakeProject

VALUE = {"a": {"b": 1, "c": [1, {"d": 2}, []]}, "e": None}
PROBE = {"aivp-asks-for-its-position": 0}


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (1, {"a": 0, "e": PROBE}),
        (2, {"a": {"b": PROBE, "c": 0}}),
        (3, {"a": {"c": [PROBE, 0, 0]}}),
        (4, {"a": {"c": [1, {"d": PROBE}, []]}}),
        (5, {}),
    ],
)
def test_contradiction(depth: int, expected: object) -> None:
    assert contradiction(VALUE, depth) == expected


SOURCE = """\
package site

import "example.com/lab/lib"

input: var: n: int
#File: {
	path: string
	mode: *"0644" | string
}
resources: {
	for i in [1, 2] {
		"file.f\\(i)": #File & {path: "/f\\(i)"}
	}
	"file.g": lib.#Shared & {
		path: "/g"
		vars: {
			list: [1, {x: true}]
			none: null
		}
	}
}
values: n: input.var.n
values: half: 0.5
values: empty: {}
values: "odd \\"key\\"": {a: 1}
values: port: *80 | string
"""

PLACES = {
    ("resources", "file.f1"): 12,
    ("resources", "file.f2", "path"): 12,
    ("resources", "file.g"): 14,
    ("resources", "file.g", "path"): 15,
    ("resources", "file.g", "vars", "list"): 17,
    ("resources", "file.g", "vars", "list", 0): 17,
    ("resources", "file.g", "vars", "list", 1, "x"): 17,
    ("resources", "file.g", "vars", "none"): 18,
    ("resources", "file.g", "vars", "missing", "deep"): 16,
    ("values", "n"): 22,
    ("values", "half"): 23,
    ("values", "empty"): 24,
    ("values", 'odd "key"', "a"): 25,
    ("values", "port"): 26,
}


@pytest.mark.usefixtures("cue")
def test_places(project: MakeProject, tmp_path: Path) -> None:
    root = project(
        {
            "cue.mod/module.cue": 'module: "example.com/lab"\nlanguage: version: "v0.9.0"\n',
            "site/a.cue": SOURCE,
            "lib/lib.cue": 'package lib\n\n#Shared: {mode: "0600", path: string, vars: {...}}\n',
        }
    )
    variables = {"n": type("V", (), {"value": 3})()}
    document = export(find_cue(None), root, Package("site", Span("aivp.yaml", 1, 1)), "main", variables, Diagnostics())
    assert document is not None
    found = {path: document.content.span(*path) for path in PLACES}
    assert {path: (span.file, span.line) for path, span in found.items()} == {
        path: ("site/a.cue", line) for path, line in PLACES.items()
    }
    assert str(document.content.span("resources", "file.g", "mode")) == "site/a.cue:14:12"
    assert str(document.content.span()) == "site/a.cue:1:1"
