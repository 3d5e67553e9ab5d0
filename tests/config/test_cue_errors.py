from aivp.config.cue_errors import complaints, diagnostics, spans_in_project
from aivp.config.staging import Module
from aivp.diagnostics import Span

MODULE = Module("infra", "site", {"site/a.cue": b"", "lib/l.cue": b""})
FALLBACK = Span("aivp.yaml", 1, 1)
TEXT = """\
resources."file.x".mode: 2 errors in empty disjunction:
resources."file.x".mode: conflicting values 0 and "a\\nb: c" (mismatched types int and string):
    ../probe.json:1:92
    ./lib/l.cue:2:12
    ./site/a.cue:13:9
    /etc/cue/x.cue:1:1
values."odd \\"key\\": x".list.0: some
    text that goes on:
    ./lib/l.cue:7:1
structural cycle
"""


def test_complaints() -> None:
    found = list(complaints(TEXT))
    assert [item.path() for item in found] == [
        ("resources", "file.x", "mode"),
        ("resources", "file.x", "mode"),
        ("values", 'odd "key": x', "list", "0"),
        None,
    ]
    assert [len(item.positions) for item in found] == [0, 4, 1, 0]
    assert spans_in_project(found[1], MODULE) == [Span("infra/lib/l.cue", 2, 12), Span("infra/site/a.cue", 13, 9)]


def test_diagnostics() -> None:
    found = diagnostics(TEXT, MODULE, FALLBACK)
    assert [str(item.span) for item in found] == ["infra/site/a.cue:13:9", "infra/lib/l.cue:7:1", "aivp.yaml:1:1"]
    assert found[0].related[0].span == Span("infra/lib/l.cue", 2, 12)
    assert found[2].why == "CUE: structural cycle."


def test_too_many_and_none() -> None:
    found = diagnostics("".join(f"a.b{i}: wrong:\n    ./site/a.cue:{i}:1\n" for i in range(1000)), MODULE, FALLBACK)
    assert len(found) == 51
    assert found[-1].why == "CUE has 950 more complaints."
    assert len(diagnostics("", MODULE, FALLBACK)) == 1


def test_paths_are_read_only_where_there_is_one() -> None:
    lines = ['"x', '"x" y: z', "a b: c", 'a."\\q": c', ".a: b", "", "a.: b"]
    assert [item.path() for line in lines for item in complaints(line)] == [None] * 6
