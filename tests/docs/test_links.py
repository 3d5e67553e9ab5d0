"""Every link of every Markdown file leads to a file, folder or heading that is there; external ones are not fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.site import links
from tests.docs.pages import ROOT, markdown


def test_every_link_leads_somewhere() -> None:
    pages = markdown()
    found = [f"{page.relative_to(ROOT)}:{why}" for page in pages for why in links.broken(page, ROOT)]
    assert len(pages) > 50
    assert not found, "\n".join(found)


def test_every_page_is_listed_where_a_reader_looks() -> None:
    listed = {"docs/index"}
    for page in (ROOT / "docs/index.md", *ROOT.glob("docs/**/README.md"), ROOT / "examples/README.md"):
        listed |= {name for _, names in links.contents(page.read_text(encoding="utf-8"), page, ROOT) for name in names}
    pages = {page.relative_to(ROOT).with_suffix("").as_posix() for page in markdown()}
    missing = sorted(name for name in pages - listed if name.startswith("docs/"))
    assert not missing, f"docs/index.md, or the README.md of their folder, does not link to {missing}"


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("[a](b.md) and ![c](d.svg)", ["b.md", "d.svg"]),
        ("`[a](b.md)`", []),
        ("```\n[a](b.md)\n```\n[c](d.md)", ["d.md"]),
        ("<!-- [a](b.md) -->", []),
        ("[`a`](b.md#c-d)", ["b.md#c-d"]),
        ("[a [b] c](d.md)", ["d.md"]),
        ("matrix[0](x)", ["x"]),
        (r"\[a](b.md)", []),
    ],
)
def test_links_are_found_where_a_reader_sees_them(text: str, targets: list[str]) -> None:
    assert [link.target for link in links.links(text)] == targets


@pytest.mark.parametrize(
    ("title", "anchor"),
    [
        ("Order without words", "order-without-words"),
        ("hosts list, hosts check", "hosts-list-hosts-check"),
        ("`file`: a, *b*", "file-a-b"),
        ("9. Upgrade", "9-upgrade"),
        ("A [link](x.md) too", "a-link-too"),
    ],
)
def test_anchors_are_those_of_a_git_forge(title: str, anchor: str) -> None:
    assert links.slug(title) == anchor


def test_a_heading_that_comes_twice_is_numbered() -> None:
    assert links.anchors("# A\n## A\n```\n# B\n```\n## C\n## A") == {"a", "a-1", "a-2", "c"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[a](gone.md)", "1: gone.md: there is no such file"),
        ("\n[a](there.md#gone)", "2: there.md#gone: there is no such heading"),
        ("[a](#gone)", "1: #gone: there is no such heading"),
        ("[a](../../etc/passwd)", "1: ../../etc/passwd leads out of the repository"),
        ("[a](/etc/passwd)", "1: /etc/passwd leads out of the repository"),
    ],
)
def test_a_broken_link_says_where_and_why(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "there.md").write_text("# Here\n")
    page = tmp_path / "page.md"
    page.write_text(f"{text}\n[x](https://example.com) [y](there.md#here)\n")
    assert list(links.broken(page, tmp_path)) == [why]
