"""Whatever a provider lists, the document that declares it compiles to exactly that."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from aivp_contract.canonical import MAX_INTEGER, encode, is_plain_decimal
from aivp_contract.manifest import Kind, read_manifest
from hypothesis import given, settings

from aivp.compile import compile_project
from aivp.config.load import NO_INPUTS, read
from aivp.edit.discovered import document
from aivp.edit.names import name_all
from aivp.model.address import parse_address
from aivp.model.discovered import Discovered
from aivp.plugins import Provider, Registry

FORM = {
    "manifest": 1,
    "name": "acme",
    "version": "1",
    "kinds": {
        "acme/thing": {
            "identity": ["id"],
            "identity_from_name": True,
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"id": {"type": "string"}, "any": {}, "more": {}, "text": {"type": "string"}},
            },
        }
    },
}
MANIFEST = read_manifest(FORM)
KIND: Kind = MANIFEST.kinds["acme/thing"]
REGISTRY = Registry({"acme": Provider("acme", MANIFEST, "0" * 64, FORM)}, MANIFEST.kinds)

HARD = (
    "no|0644|~|1e3|0x1F|.inf|22:22|2001-01-01|<<|=|${a}|$${a}|$$${a}|${|$|a\n| a\nb|\n|a\n\n|\ta\n|- a|a: b|a #b"
    "|%|@|a\r\nb\n|\x00|\x1b[0m|\x85a|\u2028\n|\ufeff\n|a\n \n\n|a\n---\n...\n|#\n|\\n"
).split("|")
texts = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.sampled_from([*HARD, "|", "|\n", ">-\na"])
    | st.text("ab $ {}\n\t\r#:-'\"\\%", max_size=20)
)
numbers = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(-1e15, 1e15).filter(is_plain_decimal)
keys = texts.filter(lambda text: text != "$aivp")
values = st.recursive(
    texts | numbers | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
attributes = st.fixed_dictionaries({"id": texts}, optional={"any": values, "more": values, "text": texts})
lists = st.lists(st.tuples(attributes, texts), max_size=4, unique_by=lambda item: item[0]["id"])


def compiled(body: bytes) -> Mapping[str, Mapping[str, Any]]:
    """Attributes by address, as the language reads them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "found.yaml").write_bytes(body)
        Path(folder, "aivp.yaml").write_text(
            "aivp: v1\nproject: p\nhosts: {lab: {transport: local}}\ninclude: [found.yaml]\n"
        )
        ir = compile_project(read(Path(folder), environment=None, variables=NO_INPUTS), REGISTRY).ir
    return {address: resource.attributes for address, resource in ir.resources.items()}


@settings(deadline=None, max_examples=200)
@given(lists)
def test_what_is_written_compiles_to_what_was_found(found: list[tuple[dict[str, Any], str]]) -> None:
    things = [Discovered({"id": item["id"]}, item, note=note) for item, note in found]
    body = document(KIND, "lab", things, frozenset())
    assert sorted(map(encode, compiled(body).values())) == sorted(encode(item) for item, _ in found)
    assert body == document(KIND, "lab", things, frozenset())


@settings(deadline=None)
@given(st.lists(texts, unique=True, max_size=8), st.sets(st.sampled_from(["a", "b", "a-2", "thing"])))
def test_names_are_valid_and_each_is_given_once(ids: list[str], taken: set[str]) -> None:
    things = [Discovered({"id": item}, {"id": item}) for item in ids]
    names = name_all(KIND, things, taken)
    assert len({*names}) == len(ids)
    assert not taken & {*names}
    assert all(parse_address(f"acme/thing.{name}") for name in names)


def test_names_come_from_identities() -> None:
    ids = ["/etc/nginx/nginx.conf", "getty@tty1", "getty-tty1", "1st", "Größe", "***", "x" * 100]
    things = [Discovered({"id": item}, {"id": item}) for item in ids]
    assert name_all(KIND, things, {"etc-nginx-nginx-conf"}) == [
        "etc-nginx-nginx-conf-2",
        "getty-tty1-2",
        "getty-tty1",  # its identity is its name: it goes first
        "thing-1st",
        "groe",
        "thing",
        "x" * 100,
    ]
    named = Discovered({"id": "I-0ABC"}, {"id": "I-0ABC"}, name="Web Server")
    assert name_all(KIND, [named], {}) == ["web-server"]


def test_a_document_reads_as_a_person_would_write_it() -> None:
    found = {"id": "web", "any": {"mode": "0644", "word": "no", "b": True}, "text": "a ${b}\n\nc\n", "more": ["x", 1]}
    body = document(KIND, "lab", [Discovered({"id": "web"}, found, note="mind\nthis")], frozenset())
    assert body.decode() == (
        "# What exists of acme/thing on lab, as aivp discover found it.\n"
        "resources:\n"
        "  # mind this\n"
        "  acme/thing.web:\n"
        "    host: lab\n"
        "    any:\n"
        '      mode: "0644"\n'
        '      word: "no"\n'
        "      b: true\n"
        "    more:\n"
        "      - x\n"
        "      - 1\n"
        "    text: |\n"
        "      a $${b}\n"
        "\n"
        "      c\n"
    )


def test_every_word_with_another_meaning_is_quoted() -> None:
    """Not only where our own reading needs it: other tools read these files, too."""
    for word in ("yes", "No", "on", "null", "1", "0o17", "1_000", "22:22", "2001-01-01", ".5", "+1"):
        body = document(KIND, "lab", [Discovered({"id": "a"}, {"id": "a", "text": word})], frozenset()).decode()
        assert f'text: "{word}"' in body


def test_an_assigned_identity_comes_as_an_import() -> None:
    """Nothing in the declaration says which one it is."""
    schema = {"type": "object", "additionalProperties": False, "properties": {}}
    fields = {"id": {"type": "string", "x-aivp": {"computed": True}}, "size": {"type": "integer"}}
    form = {**FORM, "kinds": {"acme/disk": {"identity": ["id"], "schema": {**schema, "properties": fields}}}}
    kind = read_manifest(form).kinds["acme/disk"]
    body = document(kind, "lab", [Discovered({"id": "d-1"}, {"size": 5}, name="Data")], frozenset())
    assert body.decode().partition("resources:\n")[2] == (
        "  acme/disk.data:\n"
        "    host: lab\n"
        "    size: 5\n"
        "import:\n"
        "  - address: acme/disk.data\n"
        "    identity:\n"
        "      id: d-1\n"
    )
