"""`python -m docs.site`: writes the pages that are made from code; says which were stale."""

from __future__ import annotations

import sys

from docs.site.reference import ROOT, generated

for page, text in generated().items():
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {page.relative_to(ROOT)}\n")
