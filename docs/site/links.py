"""Links of Markdown pages: where they lead, which lead nowhere, and what the site makes of those that lead to no page.

Knows Markdown as it stands in this repository, and nothing of Sphinx: tests hold every link with the same words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CODE = re.compile(r"^( *)(```|~~~).*?^\1\2 *$|(?<!`)(`+)(?!`).*?(?<!`)\3(?!`)|<!--.*?-->", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<!\\)(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+(?:\([^()\s]*\))?)\)")
_HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$", re.MULTILINE)
_EXTERNAL = re.compile(r"[a-z][a-z+.-]*:")


@dataclass(frozen=True)
class Link:
    """`start`, `end`: where `[text](target)` lies in the page."""

    line: int
    start: int
    end: int
    is_picture: bool
    text: str
    target: str

    @property
    def is_external(self) -> bool:
        """Whether it leads out of the repository."""
        return _EXTERNAL.match(self.target) is not None or self.target.startswith("//")

    @property
    def path(self) -> str:
        """The target without its anchor."""
        return self.target.partition("#")[0]

    @property
    def anchor(self) -> str:
        """What follows `#`, or nothing."""
        return self.target.partition("#")[2]


def links(text: str) -> list[Link]:
    """Every inline link and picture of a page, but for what stands in code and comments."""
    return [
        Link(text.count("\n", 0, found.start()) + 1, *found.span(), found[1] == "!", found[2], found[3])
        for found in _LINK.finditer(_without_code(text))
    ]


def anchors(text: str) -> set[str]:
    """What `#…` may name on a page: its headings as a git forge writes them."""
    found: set[str] = set()
    for _, title in headings(text):
        name = slug(title)
        number = 0
        while (numbered := f"{name}-{number}" if number else name) in found:
            number += 1
        found.add(numbered)
    return found


def headings(text: str) -> list[tuple[int, str]]:
    """(level, text) of each heading, code in it as it stands."""
    hidden = _without_code(text)
    return [(len(found[1]), text[found.start(2) : found.end(2)]) for found in _HEADING.finditer(hidden)]


def slug(title: str) -> str:
    """A heading's anchor: letters, digits, `-` and `_`; a blank becomes `-`."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").replace("*", "").lower()
    kept = (letter for letter in plain if letter in " -_" or unicodedata.category(letter)[0] in "LN")
    return "".join(kept).replace(" ", "-")


def broken(page: Path, root: Path) -> Iterator[str]:
    """Why each link of a page that leads nowhere does not, as `line: reason`."""
    for link in links(page.read_text(encoding="utf-8")):
        if link.is_external:
            continue
        target = (page.parent / link.path).resolve() if link.path else page
        if link.path.startswith("/") or not target.is_relative_to(root):
            yield f"{link.line}: {link.target} leads out of the repository"
        elif not target.exists():
            yield f"{link.line}: {link.target}: there is no such file"
        elif link.anchor and target.suffix == ".md" and link.anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"{link.line}: {link.target}: there is no such heading"


def for_pages(text: str, page: Path, root: Path) -> str:
    """The page for the site: a link to a folder leads to its README.md, or is mere text where it has none."""
    for link in reversed(links(text)):
        if link.is_external or not link.path:
            continue
        target = (page.parent / link.path).resolve()
        if target.is_dir():
            readme = target / "README.md"
            is_page = readme.exists() and target.relative_to(root).parts[0] in ("docs", "examples")
            inner = f"[{link.text}]({link.path.rstrip('/')}/README.md)" if is_page else link.text
            text = text[: link.start] + inner + text[link.end :]
    return text


def contents(text: str, page: Path, root: Path) -> list[tuple[str, list[str]]]:
    """(second-level heading, pages that its part links to), in order; a page counts where it is first named."""
    seen = {_name(page, root)}
    found: list[tuple[str, list[str]]] = [("", [])]
    parts = re.split(r"^## +(.+)$", text, flags=re.MULTILINE)
    for title, part in zip(["", *parts[1::2]], parts[0::2], strict=True):
        names = []
        for link in links(part):
            target = (page.parent / link.path).resolve()
            name = _name(target, root) if link.path.endswith(".md") and target.exists() else ""
            if name and not link.is_external and name not in seen:
                seen.add(name)
                names.append(name)
        found.append((title, names))
    return [(title, names) for title, names in found if names]


def _name(page: Path, root: Path) -> str:
    return page.relative_to(root).with_suffix("").as_posix()


def _without_code(text: str) -> str:
    """The same length and lines, with blanks in place of code and comments."""
    return _CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
