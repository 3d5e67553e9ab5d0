from pathlib import Path

import pytest

from aivp.config.globs import expand, is_pattern
from aivp.diagnostics import Refused

FILES = ["a.yaml", "b.yml", "c.json", "base/z.yaml", "base/Z.yaml", "base/é.yaml", "base/.hidden.yaml",
         "base/README.md", "base/deep/x.yaml", "other/x.yaml", ".git/x.yaml", "[odd].yaml"]  # fmt: skip

MATCHES = {
    "*.yaml": ["[odd].yaml", "a.yaml"],
    "*": ["[odd].yaml", "a.yaml", "b.yml"],
    "base/*.yaml": ["base/Z.yaml", "base/z.yaml", "base/é.yaml"],
    "./base//*": ["base/Z.yaml", "base/z.yaml", "base/é.yaml"],
    "*/x.yaml": ["other/x.yaml"],
    "base/*/*.yaml": ["base/deep/x.yaml"],
    "base/.*.yaml": ["base/.hidden.yaml"],
    "base/[zZ].y?ml": ["base/Z.yaml", "base/z.yaml"],
    "none/*.yaml": [],
    "a.yaml/*": [],
    "[[]odd].yaml": ["[odd].yaml"],
    "[": [],
    "*" * 200 + "x" * 50: [],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", "utf-8")
    return tmp_path


@pytest.mark.parametrize("pattern", MATCHES)
def test_matches(root: Path, pattern: str) -> None:
    assert is_pattern(pattern)
    assert expand(root, pattern) == MATCHES[pattern]


@pytest.mark.parametrize(("pattern", "code"), [("../*", "AIVP0102"), ("/etc/*", "AIVP0102"), ("**/*.yaml", "AIVP0120")])
def test_refused(root: Path, pattern: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        expand(root, pattern)
    assert refused.value.diagnostics[0].code == code


def test_links_are_not_overlooked(root: Path) -> None:
    (root / "base" / "link.yaml").symlink_to("z.yaml")
    with pytest.raises(Refused) as refused:
        expand(root, "base/*.yaml")
    assert refused.value.diagnostics[0].code == "AIVP0103"
    assert expand(root, "base/z*.yaml") == ["base/z.yaml"]


def test_a_name_that_is_no_text_is_refused(root: Path) -> None:
    (root / "base" / "x\udcff.yaml").write_text("", "utf-8")
    with pytest.raises(Refused) as refused:
        expand(root, "base/x*.yaml")
    assert "base/x\\xff.yaml is not UTF-8" in refused.value.diagnostics[0].why
