"""Projects in temporary folders, and diagnostics as text."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from aivp.config.cue import find_cue
from aivp.diagnostics import Diagnostic, Refused
from aivp.diagnostics.catalogue import SUMMARIES

MakeProject = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def project(tmp_path: Path) -> MakeProject:
    """Writes files into a project folder; a bare aivp.yaml is added where none is given."""

    def make(files: Mapping[str, str]) -> Path:
        root = tmp_path / "project"
        for name, text in {"aivp.yaml": "aivp: v1\nproject: lab\n", **files}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return root

    return make


@pytest.fixture(scope="session")
def cue() -> None:
    """Skips, aloud, where the pinned cue command is absent."""
    try:
        find_cue(None)
    except Refused as error:
        pytest.skip(f"needs the pinned cue command (make setup): {error.diagnostics[0].why}")


def told(diagnostics: Iterable[Diagnostic]) -> str:
    """Diagnostics as the text of goldens: everything a person would see, but for the layout."""
    diagnostics = list(diagnostics)
    assert all(item.code in SUMMARIES for item in diagnostics)
    return "".join(map(_one, diagnostics))


def _one(item: Diagnostic) -> str:
    lines = [f"{item.code} {item.span or '(nowhere)'}", f"  {item.why}"]
    lines += [f"  > {item.mend}"] * bool(item.mend)
    lines += [f"  {related.span} {related.message}" for related in item.related]
    return "\n".join(lines) + "\n"
