"""The schemas admit what the language admits, and refuse what it refuses for its form: for every document there is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from aivp.compile.reserved import IN_DEFAULTS, RESERVED
from aivp.config import yaml
from aivp.config.cue import find_cue
from aivp.config.sections import MAPS, ROOT_ONLY, SECTIONS
from aivp.diagnostics import Diagnostics, Refused
from aivp.schema.cue import cue_definitions
from aivp.schema.language import language
from aivp.schema.shape import Map
from tests import txtar
from tests.schema.held import FORM, GONE, at, changed, mistakes, objections, places, refused_by_cue, registry, schema

ROOT = Path(__file__).parents[2]
RICH = Path(__file__).with_name("rich.yaml")


def parsed(data: bytes) -> Any:
    found = yaml.parse(data, "f.yaml", Diagnostics())
    return None if found is None else found.value


def rich() -> Any:
    return parsed(RICH.read_bytes())


def needs_cue() -> None:
    try:
        find_cue(None)
    except Refused:
        pytest.skip("needs the pinned cue command (make setup)")


def projects(folder: Path) -> Iterator[Path]:
    """Every project of this repository: the examples, and what stands in the goldens of the language, written down."""
    for path in sorted((ROOT / "examples").glob("0*/aivp.yaml")):
        yield path.parent
        for other in sorted(path.parent.glob("later.yaml")):
            shutil.copytree(path.parent, folder / f"{path.parent.name}-later", ignore=shutil.ignore_patterns(".aivp"))
            shutil.copy(other, folder / f"{path.parent.name}-later" / "aivp.yaml")
            yield folder / f"{path.parent.name}-later"
    for case in sorted((ROOT / "tests").rglob("*.txtar")):
        files = txtar.read(case)[1]
        if not {"aivp.yaml", "expected"} & files.keys() or "records" in case.parts:
            continue
        place = folder / "-".join(case.relative_to(ROOT / "tests").with_suffix("").parts)
        for name, text in {"aivp.yaml": "aivp: v1\nproject: lab\n", **files}.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, "utf-8")
        yield place


ELSEWHERE = frozenset(
    "AIVP0101 AIVP0102 AIVP0103 AIVP0105 AIVP0120 AIVP0121 AIVP0126 AIVP0127 AIVP0128 AIVP0130 AIVP0131 AIVP0141"
    " AIVP0143 AIVP0152 AIVP0153 AIVP0155 AIVP0203 AIVP0210 AIVP0218 AIVP0222 AIVP0408".split()
)
"""Codes of mistakes that no form can show: names, files, versions, values that people set."""


def test_every_project_that_the_language_admits_is_admitted(tmp_path: Path) -> None:
    """And a document whose form it objects to is refused."""
    admitted: dict[str, tuple[str, Any]] = {}
    refused: dict[str, tuple[str, Any]] = {}
    names: dict[str, str] = {}
    for place in projects(tmp_path):
        environments = (parsed((place / "aivp.yaml").read_bytes()) or {}).get("environments") or [None]
        told = [item for name in environments for item in mistakes(place, name)]
        for path in sorted(place.rglob("*.y*ml")):
            name, value = path.relative_to(place).as_posix(), parsed(path.read_bytes())
            mine = [item for item in told if item.span and item.span.file == name]
            if not isinstance(value, dict) or name not in {"aivp.yaml", *read_names(place)}:
                continue
            kind, number = "root" if name == "aivp.yaml" else "document", f"d{len(names)}"
            names[number] = f"{place.name}/{name}"
            if not {item.code for item in told} - ELSEWHERE:
                admitted[number] = (kind, value)
                assert objections(kind, value) == [], names[number]
            elif form := [item for item in mine if item.code in FORM and not reason((), item.why)]:
                refused[number] = (kind, value)
                assert objections(kind, value) != [], (names[number], form[0].why)
    assert len(admitted) > 20
    assert len(refused) >= 3
    needs_cue()
    assert [names[name] for name in refused_by_cue(admitted, tmp_path)] == []
    passed = sorted(names[name] for name in refused.keys() - refused_by_cue(refused, tmp_path))
    assert passed == ["config-cases-twice/aivp.yaml"]  # CUE passes over what is missing in each of several forms


def read_names(place: Path) -> set[str]:
    """The documents of a project."""
    from aivp.edit.documents import find_documents

    try:
        return {*find_documents(place).yaml}
    except Refused:
        return set()


def test_every_word_of_the_language_is_admitted(tmp_path: Path) -> None:
    assert [str(item) for item in told(rich(), tmp_path) if item.code in FORM] == []
    assert objections("root", rich()) == []
    needs_cue()
    assert refused_by_cue({"rich": ("root", rich())}, tmp_path) == set()


def told(document: Any, folder: Path) -> list[Any]:
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "aivp.yaml").write_text(json.dumps(document))
    return mistakes(folder, "dev") + mistakes(folder, "prod")


WRONG = (7.5, "text", [], {}, ["x"], {"surplus": 1}, None, True, GONE)

OPEN = (
    ("values",),
    ("variables",),  # whether a default fits the other words of its variable
)
"""Places below which any value may stand for all that a schema can say."""


def variants(document: Any) -> Iterator[tuple[tuple[str | int, ...], Any, Any]]:
    """The document, wrong in one place."""
    for path in places(document):
        here = at(document, path)
        if isinstance(here, dict):
            yield path, "surplus", changed(document, path, {**here, "surplus": 1})
        if path:
            for value in WRONG:
                if value is GONE and isinstance(path[-1], int):
                    continue
                yield path, value, changed(document, path, value)


@pytest.mark.parametrize("share", [pytest.param(1, marks=pytest.mark.slow), 15])
def test_no_word_of_it_is_read_otherwise(share: int, tmp_path: Path) -> None:
    """Each place of the rich document, with each wrong value: what the language admits, both schemas admit; what it
    refuses for its form, both refuse, but for what is listed below with its reason. Every 15th, or all.
    """
    start = {(item.code, item.why) for item in told(rich(), tmp_path)}
    admitted: dict[str, tuple[str, Any]] = {}
    refused: dict[str, tuple[str, Any]] = {}
    overlooked: list[str] = []
    wrong: list[str] = []
    shown: dict[str, str] = {}
    for number, (path, value, document) in enumerate([*variants(rich())][::share]):
        found = [item for item in told(document, tmp_path) if (item.code, item.why) not in start]
        form = [item for item in found if item.code in FORM]
        name = f"d{number}"
        shown[name] = f"{'.'.join(map(str, path))} = {'gone' if value is GONE else value}"
        said = objections("root", document)
        if not found:
            admitted[name] = ("root", document)
            wrong += [f"{shown[name]}: {said[0]}"] if said else []
        elif form and not any(reason(path, item.why) for item in form):
            refused[name] = ("root", document)
            overlooked += [] if said else [f"{shown[name]}: {form[0].code} {form[0].why}"]
    assert wrong == []
    assert overlooked == []
    assert len(admitted) > 300 / share
    assert len(refused) > 800 / share
    needs_cue()
    few = 4 if share > 1 else 8  # cue takes a fifth of a second for each
    admitted, refused = dict([*admitted.items()][::few]), dict([*refused.items()][::few])
    assert sorted(shown[name] for name in refused_by_cue(admitted, tmp_path)) == []
    passed = sorted(shown[name] for name in refused.keys() - refused_by_cue(refused, tmp_path))
    assert [text for text in passed if not text.endswith(("= gone", "= {}"))] == []


REASONS = {
    "is missing": "`defaults` may give what a resource leaves out",
    "does not fit": "whether a default fits `items`, `enum` and bounds of its variable",
    "`enum` of": "whether the values of an enum fit",
    "ignore_changes": "names of fields",
    "labels or both": "a selector needs one of two",
    "a mode is": "the normal form of a text is its provider's business",
    "a size is": "the same",
    "a duration is": "the same",
    "expected text, found": "what a reference brings in",
    "alphabet": "that no character stands in it twice",
    "serial": "one member asks for another",
}
"""Part of a message → why no schema says it."""


def reason(path: tuple[str | int, ...], why: str) -> str:
    return next((text for part, text in REASONS.items() if part in why), "")


@pytest.mark.parametrize(
    ("path", "value"),
    [(("requires", "providers"), 7.5), (("requires", "providers", "acme"), []), (("hosts", "lab", "transport"), [])],
)
def test_what_once_ended_in_a_traceback(path: tuple[str, ...], value: Any, tmp_path: Path) -> None:
    assert {item.code for item in told(changed(rich(), path, value), tmp_path)} & FORM


def test_the_sections_are_those_of_the_reader() -> None:
    shapes = language(registry().manifests).shapes
    root, document = shapes["root"], shapes["document"]
    assert isinstance(root, Map)
    assert isinstance(document, Map)
    assert root.members.keys() == set(SECTIONS)
    assert document.members.keys() == set(SECTIONS) - set(ROOT_ONLY)
    for name, kind in registry().kinds.items():
        shape, defaults = shapes[f"kind.{name.replace('/', '.')}"], shapes[f"defaults.{name.replace('/', '.')}"]
        assert isinstance(shape, Map)
        assert isinstance(defaults, Map)
        never = {field for rule in kind.rules if not rule.when for field in rule.forbidden} | kind.computed
        assert shape.members.keys() == {*RESERVED, *kind.fields} - never
        assert defaults.members.keys() == {*IN_DEFAULTS, *kind.fields} - never
    overrides = shapes["overrides"]
    assert isinstance(overrides, Map)
    assert overrides.members.keys() == MAPS.keys() - {"variables"}


def test_it_is_a_schema_of_draft_7() -> None:
    jsonschema.Draft7Validator.check_schema(schema())


@pytest.mark.parametrize(
    "document",
    [
        {"project": "x"},
        {"aivp": "v2", "project": "x"},
        {"environments": {}},
        {"hosts": {"Big": {"transport": "local"}}},
        {"resources": {"acme/note.x": {"title": "x", "size": 1, "weight": 1}}},
        {"resources": {"acme/note.x": {"mood": "sad", "size": 1}}},
        {"resources": {"acme/note.x": {"title": "longer than twelve"}}},
        {"resources": {"acme/note.x": {"host": "lab"}}},
        {"resources": {"acme/note.x": {"id": "mine"}}},
        {"resources": {"acme/note.x": {"either": {"a": "b"}}}},
        {"resources": {"note.x": {}}},
        {"resources": {"file.x": "text"}},
    ],
)
def test_bad_documents(document: Any, tmp_path: Path) -> None:
    """Also by the schema as a whole, which an editor uses for every document."""
    assert [*jsonschema.Draft7Validator(schema()).iter_errors(document)] != []
    needs_cue()
    kind = "root" if {"project", "environments"} & document.keys() else "document"
    if "environments" not in document:
        assert refused_by_cue({"bad": (kind, document)}, tmp_path) == {"bad"}


@pytest.mark.parametrize("form", ["json", "cue"])
def test_the_published_schema_is_that_of_the_host_provider(form: str) -> None:
    """AIVP_UPDATE_GOLDEN=1 writes schemas/language."""
    from aivp.plugins import Registry
    from aivp.schema.cue import cue_definitions
    from aivp.schema.json_schema import json_schema

    found = language({"host": Registry.discover().manifests["host"]})
    text = (
        json.dumps(json_schema(found), indent=1, ensure_ascii=False) + "\n"
        if form == "json"
        else cue_definitions(found)
    )
    path = ROOT / f"schemas/language/v1.{form}"
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text


@pytest.mark.parametrize(("field", "expected"), [("mode:    site.mode", 0), ("mood:    site.mode", 1)])
def test_a_package_of_cue_holds_itself_to_the_language(field: str, expected: int, tmp_path: Path) -> None:
    """The definitions as a package of the same module, as docs/reference/editing.md says."""
    needs_cue()
    shutil.copytree(ROOT / "examples/04-cue-project", tmp_path / "project")
    package = tmp_path / "project/sites"
    source = (package / "resources.cue").read_text()
    (package / "resources.cue").write_text(source.replace("mode:    site.mode", field))
    (package / "held.cue").write_text(
        'package sites\n\nimport "example.com/cue-project/aivp"\n\nresources: aivp.#Resources\n'
    )
    (tmp_path / "project/aivp").mkdir()
    (tmp_path / "project/aivp/language.cue").write_text(cue_definitions(language(registry().manifests)), "utf-8")
    root = tmp_path / "project/aivp.yaml"
    root.write_text(root.read_text().replace("items: {type: string}}", "items: {type: string}, default: [x]}"))
    told = mistakes(tmp_path / "project")
    assert bool(told) == bool(expected)
    assert any("mood: field not allowed" in item.why for item in told) == bool(expected)
