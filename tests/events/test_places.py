from aivp.diagnostics import Diagnostic, Span
from aivp.events import StepEnded, read_places

MAP = b'{"file.a@h":{"":"base/site.yaml:3:5","/mode":"base/site.yaml:4:9"}}'


def test_a_field_a_member_of_it_and_the_resource() -> None:
    places = read_places(MAP)
    mode, whole = Span("base/site.yaml", 4, 9), Span("base/site.yaml", 3, 5)
    assert [places.span("file.a@h", path) for path in ("/mode", "/mode/0", "/owner", "", "odd")] == [
        mode,
        mode,
        whole,
        whole,
        whole,
    ]
    assert places.span("file.b@h") is None


def test_what_is_no_source_map_places_nothing() -> None:
    for body in (b"", b"\xff", b"[]", b"null", b"[" * 5000, b'{"file.a@h":1}', b'{"file.a@h":{"":1}}'):
        assert read_places(body).span("file.a@h") is None, body
    for text in ("", "a", "a:1", "a:b:c", "a:0:1", ":1:1", "a:1:-1", "a:\\u0661:1", "a:1:" + "1" * 5000):
        assert read_places(b'{"file.a@h":{"":"%s"}}' % text.encode()).span("file.a@h") is None, text


def test_steps_that_went_wrong_and_diagnostics_get_their_place() -> None:
    places = read_places(MAP)
    done = StepEnded("h", "create:file.a@h", "file.a@h", "done", "create")
    failed = StepEnded("h", "create:file.a@h", "file.a@h", "failed", "create", {"message": "no", "path": "/mode"})
    assert places.event(done) is done
    assert getattr(places.event(failed), "span", None) == Span("base/site.yaml", 4, 9)
    item = Diagnostic("AIVP0501", "changed", address="file.a@h")
    assert places.diagnostic(item).span == Span("base/site.yaml", 3, 5)
    other = Diagnostic("AIVP0501", "changed", span=Span("x", 1, 1), address="file.a@h")
    assert (places.diagnostic(other), places.diagnostic(Diagnostic("AIVP0504", "rows"))) == (
        other,
        Diagnostic("AIVP0504", "rows"),
    )
