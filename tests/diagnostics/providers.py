"""Third-party providers at fault: the one that `aivp providers new` makes, packed after an edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.diagnostics.stage import Stage

HEAD = "aivp: v1\nproject: shop\nhosts: {web: {transport: local}}\n"


def _install(stage: Stage, *edits: tuple[str, str], manifest: tuple[tuple[str, str], ...] = ()) -> None:
    """Make it anew with `edits` of its code and its manifest, and let aivp find it."""
    stage.shell("rm -rf aivp-provider-acme packed")
    stage.aivp("providers", "new", "acme")
    package = stage.folder / "aivp-provider-acme/aivp_provider_acme"
    for name, changes in (("provider.py", edits), ("manifest.json", manifest)):
        text = (package / name).read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        (package / name).write_text(text)
    stage.aivp("providers", "pack", "aivp-provider-acme", "-o", "packed")
    stage.environ["AIVP_PROVIDERS"] = str(stage.folder / "packed")


def _declare(stage: Stage, text: str = "hello") -> None:
    note = f"  acme/note.one: {{path: '{stage.folder}/note', text: {text}}}\n"
    stage.put({"aivp.yaml": f"{HEAD}resources:\n{note}"})


def _version(number: int) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    code = ('    name = "acme/note"\n', f'    name = "acme/note"\n    schema_version = {number}\n')
    return (code,), (('   "schema": {', f'   "schema_version": {number},\n   "schema": {{'),)


def gone(stage: Stage, bad: bool) -> None:
    _install(stage)
    _declare(stage)
    stage.aivp("apply", "-y")
    stage.put({"aivp.yaml": HEAD})
    if bad:
        del stage.environ["AIVP_PROVIDERS"]
    stage.aivp("plan")


def in_the_way(stage: Stage, bad: bool) -> None:
    code = ('"What it says.", text=True', '"What it says.", text=True, immutable=True')
    _install(
        stage,
        code,
        manifest=(('"x-aivp": {\n       "text": true', '"x-aivp": {\n       "immutable": true,\n       "text": true'),),
    )
    stage.put({"note": '{"text": "old"}'})
    _declare(stage, "new" if bad else "old")
    stage.aivp("plan")


def upgraded(stage: Stage, bad: bool) -> None:
    """Evidence of before the upgrade has rows in the old form."""
    _install(stage)
    _declare(stage)
    stage.aivp("apply", "-y")
    stage.aivp("observe", "-o", "evidence.json")
    code, manifest = _version(2)
    if bad:
        _install(stage, *code, manifest=manifest)
    stage.aivp("plan", "--observed", "evidence.json")


def raises(stage: Stage, bad: bool) -> None:
    _install(stage, *((("        desired = item.desired\n", '        raise ValueError("oops")\n'),) if bad else ()))
    _declare(stage)
    stage.aivp("plan")


def _needing(stage: Stage, library: str) -> None:
    stage.aivp("providers", "new", "acme")
    path = stage.folder / "aivp-provider-acme/pyproject.toml"
    text = path.read_text()
    assert "dependencies = [" in text
    path.write_text(text.replace("dependencies = [", f'dependencies = ["{library}", ', 1))
    stage.aivp("providers", "pack", "aivp-provider-acme", "-o", "packed")


def compiled(stage: Stage, bad: bool) -> None:
    _needing(stage, "jsonschema-rs" if bad else "packaging")


def not_installed(stage: Stage, bad: bool) -> None:
    _needing(stage, "aivp-no-such-library" if bad else "packaging")


SITUATIONS: Mapping[str, Callable[[Stage, bool], None]] = {
    "AIVP0411": gone,
    "AIVP0412": in_the_way,
    "AIVP0418": upgraded,
    "AIVP0611": raises,
    "AIVP0640": compiled,
    "AIVP0641": not_installed,
}
