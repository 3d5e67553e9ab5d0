from pathlib import Path

import pytest

from aivp.config.documents import Package
from aivp.config.staging import stage
from aivp.diagnostics import Refused, Span
from tests.config.conftest import MakeProject

SPAN = Span("aivp.yaml", 3, 11)
FILES = {
    "cue.mod/module.cue": "",
    "site/a.cue": "package site",
    "site/data.json": "{}",
    "lib/l.cue": "package lib",
    ".git/x.cue": "",
    "keys/app.key": "secret",
}


def test_only_cue_files_are_staged(project: MakeProject) -> None:
    module = stage(project(FILES), Package("site", SPAN))
    assert sorted(module.files) == ["cue.mod/module.cue", "lib/l.cue", "site/a.cue"]
    assert (module.folder, module.package, module.in_project("site/a.cue")) == ("", "site", "site/a.cue")


def test_other_files_only_where_something_embeds(project: MakeProject) -> None:
    module = stage(project({**FILES, "lib/e.cue": "@extern(embed)\n\npackage lib"}), Package("site", SPAN))
    assert "site/data.json" in module.files
    assert ".git/x.cue" not in module.files


def test_the_nearest_module_counts(project: MakeProject) -> None:
    files = {**FILES, "infra/cue.mod/module.cue": "", "infra/site/a.cue": "", "infra/site/deep/a.cue": ""}
    module = stage(project(files), Package("infra/site/deep", SPAN))
    assert (module.folder, module.package) == ("infra", "site/deep")
    assert sorted(module.files) == ["cue.mod/module.cue", "site/a.cue", "site/deep/a.cue"]
    assert module.in_project("site/a.cue") == "infra/site/a.cue"


@pytest.mark.parametrize("link", ["site/b.cue", "lib/deep.cue"])
def test_linked_sources_are_refused(project: MakeProject, tmp_path: Path, link: str) -> None:
    root = project(FILES)
    (tmp_path / "outside.cue").write_text("package site")
    (root / link).symlink_to(tmp_path / "outside.cue")
    with pytest.raises(Refused) as refused:
        stage(root, Package("site", SPAN))
    assert refused.value.diagnostics[0].code == "AIVP0103"


def test_linked_folders_are_not_there(project: MakeProject, tmp_path: Path) -> None:
    root = project(FILES)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "o.cue").write_text("package out")
    (root / "out").symlink_to(tmp_path / "out")
    (root / "self").symlink_to(".")
    assert sorted(stage(root, Package("site", SPAN)).files) == ["cue.mod/module.cue", "lib/l.cue", "site/a.cue"]


def test_a_linked_module_is_refused(project: MakeProject, tmp_path: Path) -> None:
    root = project({"site/a.cue": "package site"})
    (tmp_path / "cue.mod").mkdir()
    (root / "cue.mod").symlink_to(tmp_path / "cue.mod")
    with pytest.raises(Refused) as refused:
        stage(root, Package("site", SPAN))
    assert refused.value.diagnostics[0].code == "AIVP0103"


def test_limits(project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(FILES)
    monkeypatch.setattr("aivp.config.staging.MAX_TOTAL", 20)
    with pytest.raises(Refused) as refused:
        stage(root, Package("site", SPAN))
    assert refused.value.diagnostics[0].code == "AIVP0105"
