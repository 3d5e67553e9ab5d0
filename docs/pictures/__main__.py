"""Makes every picture of the docs anew. The PNG files need Chromium, and are left as they are where there is none."""

from __future__ import annotations

import sys

from docs.pictures import FOLDER, MOST_BYTES, SIZES, drawings
from tests.browser import pages
from tests.browser.chromium import SCHEMES, chromium, missing


def main() -> None:
    """Write them all; end with 1 where one is too large to be kept."""
    for name, text in drawings():
        (FOLDER / name).write_text(text, encoding="utf-8")
    if reason := missing():
        sys.exit(f"pictures: {reason}; the PNG files stay as they are")
    _photograph()
    too_large = [path.name for path in sorted(FOLDER.iterdir()) if path.stat().st_size > MOST_BYTES]
    if too_large:
        sys.exit(f"pictures: larger than {MOST_BYTES} bytes: {', '.join(too_large)}")


def _photograph() -> None:
    """Pages in a window of a laptop, and one of a phone."""
    with chromium() as browser:
        for scheme in SCHEMES:
            shots = [(f"plan {size}", 1280, 800) for size in SIZES]
            shots += [("plan 60", 360, 800), ("graph 503", 1280, 800), ("timeline 12", 1280, 800)]
            for name, width, height in shots:
                window = {"width": width, "height": height}
                page = browser.new_page(viewport=window, color_scheme=scheme, reduced_motion="reduce")
                page.set_content(pages.page(name))
                if name == "plan 60" and width > 1000:
                    page.locator("details.step", has_text="file.site").first.evaluate("step => step.open = true")
                page.evaluate("scrollTo(0, 0)")
                kind = "phone" if width < 1000 else name.split()[0]
                page.screenshot(path=str(FOLDER / f"{kind}-{name.split()[1]}-{scheme}.png"))
                page.close()


if __name__ == "__main__":
    main()
