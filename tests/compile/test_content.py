from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from aivp_contract.values import Binary, Blob

from aivp.compile import compile_project
from aivp.model.expression import Fact, Ref, Template, secret

from .projects import project
from .run import REGISTRY, edges, resources, run, said

JUNK = bytes(range(256))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "motd").write_text("hello\n")
    (tmp_path / "junk").write_bytes(JUNK)
    (tmp_path / "big").write_bytes(b"x" * (64 * 1024 + 1))
    (tmp_path / "most").write_bytes(b"x" * 64 * 1024)
    (tmp_path / "t.j2").write_text("a {{ name }}\nb {{ peers | join(',') }}\n")
    (tmp_path / "bad.j2").write_text("one\n  {{ nme }}\n")
    (tmp_path / "syntax.j2").write_text("one\n{% if %}\n")
    return tmp_path


def file(**body: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"secrets": {"s": {"env": "S"}}, "values": {"peers": ["x", "y"]}}
    return data | {"resources": {"file.f": {"path": "/f", **body}, "noop.n": {}}}


def content(root: Path, **body: Any) -> Any:
    attributes = resources(file(**body), root)["file.f@lab"]
    assert attributes.keys() == {"path", "state", "content"}
    return attributes["content"]


def test_a_source_becomes_content(root: Path) -> None:
    assert content(root, source="motd") == "hello\n"
    assert content(root, source="./motd") == "hello\n"
    assert content(root, source="junk") == Binary(base64.b64encode(JUNK).decode())


def test_a_large_source_becomes_a_blob_and_is_known_by_its_paths(root: Path) -> None:
    (root / "copy").write_bytes((root / "big").read_bytes())
    data = file(source="big") | {"resources": {"file.f": {"path": "/f", "source": "./big"}}}
    data["resources"]["file.g"] = {"path": "/g", "source": "copy"}
    compiled = run(data, root)
    digest = hashlib.sha256((root / "big").read_bytes()).hexdigest()
    assert {item.attributes["content"] for item in compiled.ir.resources.values()} == {Blob(digest, 64 * 1024 + 1)}
    assert compiled.blobs == {digest: ["big", "copy"]}
    assert content(root, source="most") == "x" * 64 * 1024


def test_a_template_with_known_variables_is_rendered(root: Path) -> None:
    assert content(root, template="t.j2", vars={"name": "n", "peers": "${values.peers}"}) == "a n\nb x,y\n"
    assert content(root, template={"inline": "{{ a }} $${HOME} $x\n"}, vars={"a": 1}) == "1 ${HOME} $x\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${noop.n.output}", Ref("noop.n@lab", ("output",))),
        ("${host.facts.arch}", Fact("lab", ("arch",))),
        ("${secret.s}", secret("s", "1")),
    ],
)
def test_a_template_that_waits_for_something_travels_whole(root: Path, text: str, value: Any) -> None:
    found = content(root, template="t.j2", vars={"name": text, "peers": []})
    assert found == Template("t.j2", "a {{ name }}\nb {{ peers | join(',') }}\n", {"name": value, "peers": []})


def test_what_a_template_waits_for_gives_an_edge(root: Path) -> None:
    data = file(template={"inline": "{{ x }}"}, vars={"x": ["${noop.n.output}"]})
    assert edges(data) == ["noop.n@lab reference file.f@lab"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"source": "mtd"}, "AIVP0101 R.source: mtd does not exist. Did you mean motd?"),
        ({"source": "../x"}, "AIVP0102 R.source"),
        ({"source": "/etc/passwd"}, "AIVP0102 R.source"),
        ({"content": "x" * 70_000}, "AIVP0227 R.content: content is larger than 64 KiB, the most that stands"),
        ({"template": "big"}, "AIVP0227 R.template: The template big is larger than 64 KiB"),
        (
            {"template": {"inline": "{% for i in range(7) %}{{ 'x' * 9999 }}{% endfor %}"}},
            "AIVP0227 R.template: What template makes is larger than 64 KiB",
        ),
        ({"source": "${noop.n.output}"}, "AIVP0205 R.source: source must be known at compile."),
        ({"template": "${noop.n.output}"}, "AIVP0205 R.template: template must be known at compile."),
        ({"template": "junk"}, "AIVP0305 R.template: The template junk is not UTF-8 text."),
        (
            {"template": "bad.j2", "vars": {"name": 1}},
            "AIVP0821 bad.j2: The template uses nme, which is not among its variables. Did",
        ),
        ({"template": "syntax.j2"}, "AIVP0820 syntax.j2: The template does not parse"),
        (
            {"template": {"inline": "a\n{{ b }}"}},
            "AIVP0821 R.template.inline: The template uses b, which is not among its variables. (line 2",
        ),
        (
            {"template": {"inline": "${var.x}"}},
            "AIVP0205 R.template.inline: ${var.x} stands inside the text of a template.",
        ),
        ({"template": {"inline": "${HOME}"}}, "AIVP0201 R.template.inline: ${HOME} is no reference"),
        (
            {"template": {"inline": "{% for i in range(99999) %}{{ 'x' * 99999 }}{% endfor %}"}},
            "AIVP0823 R.template.inline",
        ),
        ({"template": {"inline": "{{ a.b }}"}, "vars": {"a": {}}}, "AIVP0822 R.template.inline"),
        ({"template": {"inline": "x"}, "vars": {"a": "${var.b}"}}, "AIVP0202 R.vars.a"),
    ],
)
def test_a_wrong_source_or_template_is_told_with_its_place(root: Path, body: Any, message: str) -> None:
    (found,) = said(file(**body), root)
    assert found.replace("resources.file.f", "R").startswith(message), found


def test_a_mistake_in_a_template_file_has_line_and_column(root: Path) -> None:
    from .run import refused

    (found,) = refused(file(template="bad.j2"), root)
    assert str(found.span) == "bad.j2:2:6"


def test_content_made_from_a_file_cannot_be_referred_to(root: Path) -> None:
    data = file(source="motd")
    data["resources"]["noop.n"] = {"input": "${file.f.content}"}
    assert "comes from a file of the project" in said(data, root)[0]


def test_each_file_is_read_once_and_one_process_renders_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started, read = [], []
    import subprocess

    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(1) or start(*a, **k))

    def reader(path: str, span: object) -> bytes:
        read.append(path)
        return (root / path).read_bytes()

    body = {"path": "/f/${each.key}", "for_each": 20, "template": "t.j2", "vars": {"name": "${each.key}", "peers": []}}
    data = {"resources": {"file.f": body, "file.s": {"path": "/s/${each.key}", "for_each": 20, "source": "motd"}}}
    found = compile_project(project(data), REGISTRY, reader).ir.resources
    assert found["file.f[7]@lab"].attributes["content"] == "a 7\nb \n"
    assert sorted(read) == ["motd", "t.j2"]
    assert len(started) == 1
    started.clear()
    run({"resources": {"file.a": {"path": "/a"}}})
    assert started == []
