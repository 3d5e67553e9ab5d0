from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from aivp_contract import canonical

from aivp.diagnostics import Refused
from aivp.plugins import Registry

KIND = {"schema": {"type": "object", "properties": {"name": {"type": "string"}}}, "identity": ["name"]}

TWO_FIELDS = {
    "schema": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "id": {"type": "string", "x-aivp": {"computed": True}}},
    },
    "identity_from_name": True,
}


def document(name: str, *kinds: str, version: str = "1.0") -> dict[str, Any]:
    return {"manifest": 1, "name": name, "version": version, "kinds": dict.fromkeys(kinds, KIND)}


def install(folder: Path, package: str, manifest: Any, *, editable: bool = False) -> None:
    """Lay out a distribution as pip would; its package raises when anybody imports it."""
    code = folder / "elsewhere" if editable else folder
    (code / package).mkdir(parents=True)
    (code / package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (code / package / "manifest.json").write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[aivp.providers]\nx = {package}:manifest.json\n")
    record = [] if editable else [f"{package}/__init__.py,,", f"{package}/manifest.json,,"]
    (info / "RECORD").write_text("\n".join([*record, f"{info.name}/METADATA,,"]) + "\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place where only what a test installs is found."""
    every = importlib.metadata.distributions
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: every(path=[str(tmp_path)]))
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("editable", [False, True])
def test_a_provider_is_found_without_importing_it(folder: Path, editable: bool) -> None:
    manifest = document("acme", "acme/dns", "acme/zone")
    install(folder, "acme_pkg", manifest, editable=editable)
    registry = Registry.discover()
    provider = registry.providers["acme"]
    assert list(registry.kinds) == ["acme/dns", "acme/zone"]
    assert provider.digest == canonical.digest(manifest) == registry.digests["acme"]
    assert (provider.package, provider.folder) == (
        "acme_pkg",
        folder / ("elsewhere/acme_pkg" if editable else "acme_pkg"),
    )
    assert "acme_pkg" not in sys.modules


def test_the_providers_of_this_installation_are_found() -> None:
    registry = Registry.discover()
    provider = registry.providers["host"]
    assert provider.folder is not None
    assert (provider.folder / "manifest.json").is_file()
    assert "aivp_host" not in sys.modules or importlib.util.find_spec("aivp_host") is not None
    assert {"file", "package", "service", "command"} <= registry.kinds.keys()


@pytest.mark.parametrize(
    ("manifest", "code", "message"),
    [
        ("not json", "AIVP0310", "The manifest of acme_pkg cannot be read"),
        ({"manifest": 2}, "AIVP0310", '"manifest": 1'),
        ({**document("acme"), "kinds": {}}, "AIVP0310", "no kinds"),
        (
            {**document("acme"), "kinds": {"acme/x": {"schema": {"properties": {}}, "identity": [1]}}},
            "AIVP0310",
            "identity",
        ),
        (
            {**document("acme"), "kinds": {"acme/x": {**TWO_FIELDS, "identity": ["id", "name"]}}},
            "AIVP0310",
            "identity_from_name needs one identity field",
        ),
        (
            {**document("acme"), "kinds": {"acme/x": {**TWO_FIELDS, "identity": ["id"]}}},
            "AIVP0310",
            "and one that is declared",
        ),
        ({**document("acme"), "kinds": {"acme/x": 3}}, "AIVP0310", "breaks its format"),
        ({**document("acme", "acme/x"), "start": ["python3"]}, "AIVP0310", "acme: start is an object, platform → argv"),
        ({**document("acme", "acme/x"), "start": {}}, "AIVP0310", "acme: start is an object, platform → argv"),
        (
            {**document("acme", "acme/x"), "start": {"any": "python3 x.py"}},
            "AIVP0310",
            "acme: start.any is a list of texts",
        ),
        ({**document("acme", "acme/x"), "start": {"any": []}}, "AIVP0310", "acme: start.any is a list of texts"),
        ({**document("acme", "acme/x"), "start": {"any": [1]}}, "AIVP0310", "acme: start.any is a list of texts"),
        ({**document("acme", "acme/x"), "start": {"windows": ["x"]}}, "AIVP0310", "acme: start names 'windows'"),
        (
            {**document("acme", "acme/x"), "start": {"any": ["{folder}/../../etc/passwd"]}},
            "AIVP0310",
            "acme: start.any leaves the provider's folder",
        ),
        (document("acme", "file"), "AIVP0312", "serves the kind file; its kinds are named acme/NAME."),
        (document("host", "file"), "AIVP0312", "serves the kind file; its kinds are named host/NAME."),
    ],
)
def test_a_broken_manifest_names_its_provider(folder: Path, manifest: Any, code: str, message: str) -> None:
    install(folder, "acme_pkg", manifest)
    registry = Registry.discover()
    (found,) = registry.flaws
    assert (found.code, found.severity, dict(registry.kinds)) == (code, "warning", {})
    assert message in found.why


def test_a_missing_manifest_is_told(folder: Path) -> None:
    install(folder, "acme_pkg", document("acme", "acme/x"))
    (folder / "acme_pkg/manifest.json").unlink()
    (found,) = Registry.discover().flaws
    assert "registers the provider acme_pkg:manifest.json, but that file is not there" in found.why


@pytest.mark.parametrize("value", ["a.b:../x.json", "os.path:x", "../x:y", ":x", "acme_pkg:/etc/passwd"])
def test_an_entry_point_cannot_lead_elsewhere(folder: Path, value: str) -> None:
    install(folder, "acme_pkg", document("acme", "acme/x"))
    (folder / "acme_pkg-1.0.dist-info/entry_points.txt").write_text(f"[aivp.providers]\nx = {value}\n")
    (found,) = Registry.discover().flaws
    assert "is not there" in found.why


def test_two_providers_cannot_serve_one_kind_or_have_one_name() -> None:
    with pytest.raises(Refused) as caught:
        Registry.of([document("a", "x", "y"), document("b", "x"), document("a", "z")])
    assert [item.code for item in caught.value.diagnostics] == ["AIVP0311"]
    assert "2 installed providers are named a" in caught.value.diagnostics[0].why
    with pytest.raises(Refused, match="both serve the kind x"):
        Registry.of([document("a", "x", "y"), document("b", "x")])


def test_of_two_with_one_name_none_is_used(folder: Path) -> None:
    install(folder, "one", document("acme", "acme/x"))
    install(folder, "two", document("acme", "acme/y"))
    install(folder, "good", document("good", "good/a"))
    registry = Registry.discover()
    assert (list(registry.providers), [item.code for item in registry.flaws]) == (["good"], ["AIVP0311"])


def test_unknown_kinds_have_suggestions() -> None:
    registry = Registry.of([document("a", "file", "filter", "user")])
    assert registry.kind("fil") is None
    assert registry.nearest("fil") == ["file", "filter"]
    assert registry.kind("file") is registry.kinds["file"]
    assert registry.manifests["a"].version == "1.0"


def test_a_folder_with_a_manifest_is_one_provider_whatever_lies_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: iter(()))
    monkeypatch.setenv("AIVP_PROVIDERS", str(tmp_path / "acme"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "none"))
    (tmp_path / "acme" / "inner").mkdir(parents=True)
    for folder in ("acme", "acme/inner"):
        (tmp_path / folder / "manifest.json").write_text(json.dumps(document("acme", "acme/note")))
    assert list(Registry.discover().providers) == ["acme"]


def test_a_survey_names_what_is_broken_beside_what_is_not(folder: Path) -> None:
    install(folder, "good", document("good", "good/a"))
    install(folder, "bad", "{")
    found, diagnostics = Registry.survey()
    assert [(place, provider.name) for place, provider in found] == [("good", "good")]
    assert [item.code for item in diagnostics.items] == ["AIVP0310"]
