"""Which documents are made from code, and what each of them should say now."""

from __future__ import annotations

import json
from pathlib import Path

from aivp.plugins.registry import Registry
from docs.site.commands import commands_page
from docs.site.figures import with_figures
from docs.site.kinds import bare_page, kinds_page, with_fields
from docs.site.schemas import schemas_page

ROOT = Path(__file__).parents[2]
_REFERENCE = ROOT / "docs/reference"


def generated() -> dict[Path, str]:
    """Page → its whole text, whose hand-written parts are as they are."""
    manifests = sorted(ROOT.glob("providers/*/aivp_*/manifest.json"))
    kinds = Registry.of(json.loads(path.read_text(encoding="utf-8")) for path in manifests).kinds
    readme = ROOT / "README.md"
    pages = {
        readme: with_figures(readme.read_text(encoding="utf-8"), ROOT / "docs/benchmarks.json"),
        _REFERENCE / "commands.md": commands_page(),
        _REFERENCE / "schemas.md": schemas_page(ROOT / "schemas"),
        _REFERENCE / "kinds/README.md": kinds_page(kinds),
    }
    for name, kind in kinds.items():
        page = _REFERENCE / f"kinds/{name}.md"
        text = page.read_text(encoding="utf-8") if page.exists() else bare_page(kind)
        pages[page] = with_fields(text, kind)
    return dict(sorted(pages.items()))
