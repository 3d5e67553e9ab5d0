"""Bytes of one YAML file → plain JSON value and positions, or everything that is wrong with them.

A strict reading of YAML 1.2: what two readers could understand in two ways is an error. Hostile input costs no more
than its size: nesting, nodes, what aliases stand for and reported mistakes are all bounded, and nothing recurses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Never

from aivp_contract.values import TAG, Json

from aivp.config import events
from aivp.config.positions import MAX_NODES, YamlSpans
from aivp.config.scalars import TYPED_STARTS, BadScalar, plain
from aivp.config.text import check_text
from aivp.config.yaml_errors import syntax_error
from aivp.diagnostics import Diagnostic, Diagnostics, Related, Span

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 100
MAX_EXPANDED = 100_000
"""Nodes that aliases may stand for in one file; every 64 characters of a text count as one more."""
MAX_MISTAKES = 50
"""Of one file; reading ends there."""

_CORE_TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_ODD_KEYS = frozenset({"", "<<", TAG})
_TYPES_OF_TAG = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}


@dataclass(frozen=True, slots=True)
class Parsed:
    """The value of a file (None for an empty one) and where its parts stand. Aliased parts are shared: never mutate."""

    value: Json
    spans: YamlSpans


def parse(data: bytes, file: str, found: Diagnostics) -> Parsed | None:
    """Read one file; None where mistakes were added to `found`. `file` is the name that positions carry."""
    mistakes = check_text(data, file, MAX_BYTES)
    if mistakes is not None:
        found.add(mistakes)
        return None
    if events.has_many_directives(data):
        found.error("AIVP0107", "The file has more than 16 lines that start with %.", span=Span(file, 1, 1))
        return None
    spans = YamlSpans(file, data)
    reader = _Reader(file, spans, found)
    try:
        value = reader.read(data)
    except _Stop:
        return None
    return None if reader.mistakes else Parsed(value, spans)


class _Stop(Exception):
    """Reading on would be without meaning or without bound; the reason has been reported."""


class _Reader:
    """The value as far as it has been read. `here` is the innermost open container, `key` its pending key."""

    def __init__(self, file: str, spans: YamlSpans, found: Diagnostics) -> None:
        self.file, self.spans, self.found = file, spans, found
        self.mistakes = self.documents = self.size = self.expanded = 0
        self.root: list[Json] = []
        self.here: Any = self.root
        self.key: str | None = None
        self.stack: list[tuple[Any, str | None, Any, int]] = []
        """Per open container: what it stands in, that one's pending key, its own start event, the size before it."""
        self.anchors: dict[str, tuple[Json, int]] = {}
        self.texts: dict[str, str] = {}  # equal short texts become one object

    def read(self, data: bytes) -> Json:
        """The value of the only document."""
        following = events.open_events(data)
        steps: dict[type, Callable[[Any], None]] = {
            events.ScalarEvent: self.scalar,
            events.MappingStartEvent: self.start,
            events.SequenceStartEvent: self.start,
            events.MappingEndEvent: self.end,
            events.SequenceEndEvent: self.end,
            events.AliasEvent: self.alias,
            events.DocumentStartEvent: self.document,
        }
        while True:
            try:
                event = following()
            except events.YAMLError as error:
                self.stop(syntax_error(error, data, self.file))
            step = steps.get(type(event))
            if step is not None:
                step(event)
            elif type(event) is events.StreamEndEvent:
                return self.root[0] if self.root else None

    def scalar(self, event: Any) -> None:
        text = event.value
        self.size += 1 + (len(text) >> 6)
        if len(text) < 32:
            text = self.texts.setdefault(text, text)
        done: Json = text
        is_key = self.key is None and type(self.here) is dict
        if is_key:
            if text in self.here or text in _ODD_KEYS or text[0] in TYPED_STARTS or event.tag is not None:
                self.check_key(event, text)
        elif event.implicit[0] or event.tag is not None:
            done = self.typed(event, text)
        if event.anchor is not None:
            self.anchors[event.anchor] = (done, 1 + (len(text) >> 6))
        if is_key:
            self.key = text
        else:
            self.place(event, done)

    def start(self, event: Any) -> None:
        self.stack.append((self.here, self.key, event, self.size))
        self.size += 1
        if len(self.stack) > MAX_DEPTH or event.tag is not None or event.anchor is not None:
            self.check_container(event)
        self.here, self.key = ({} if type(event) is events.MappingStartEvent else []), None

    def end(self, _: Any) -> None:
        done = self.here
        self.here, self.key, event, before = self.stack.pop()
        if event.anchor is not None:
            self.anchors[event.anchor] = (done, self.size - before)
        self.place(event, done)

    def alias(self, event: Any) -> None:
        done, weight = self.anchors.get(event.anchor, ("", 1))
        if event.anchor not in self.anchors:
            self.bad_alias(event)
        self.size += weight
        self.expanded += weight
        if self.expanded > MAX_EXPANDED:
            why = f"Aliases in this file stand for more than {MAX_EXPANDED:,} values."
            self.stop(Diagnostic("AIVP0116", why, "Use fewer aliases of aliases.", self.span(event)))
        self.place(event, done)

    def document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            mend = "Keep one document per file and list the files under `include:`."
            self.stop(Diagnostic("AIVP0115", "A second document starts here.", mend, self.span(event)))

    def place(self, event: Any, done: Json) -> None:
        """Put a value into the innermost container."""
        if self.size > MAX_NODES:
            why = f"The file has more than {MAX_NODES:,} values."
            self.stop(Diagnostic("AIVP0118", why, "Split it into several files.", self.span(event)))
        here, key = self.here, self.key
        if type(here) is list:
            here.append(done)
        elif key is not None:
            here[key] = done
            self.key = None
        else:
            self.key = self.odd_key(event, done)

    def typed(self, event: Any, text: str) -> Json:
        """The value of a scalar that is plain or carries a tag."""
        if event.tag is not None and event.tag != "!":
            return self.tagged(event, text)
        if event.tag == "!" or (text and text[0] not in TYPED_STARTS):
            return text
        try:
            return plain(text)
        except BadScalar as error:
            self.mistake(error.code, error.why, error.mend, event)
            return None

    def tagged(self, event: Any, text: str) -> Json:
        name = _CORE_TAGS.get(event.tag)
        if name == "str":
            return text
        try:
            value = plain(text)
        except BadScalar as error:
            self.mistake(error.code, error.why, error.mend, event)
            return None
        if name is None or type(value) not in _TYPES_OF_TAG.get(name, ()):
            self.bad_tag(event, name)
        return value

    def bad_tag(self, event: Any, name: str | None) -> None:
        shown = f"!!{name}" if name else event.tag[:60]
        why = f"The tag {shown} does not fit what it stands before." if name else f"The tag {shown} is not known here."
        self.mistake("AIVP0109", why, "Leave the tag out; for text, quote the value.", event)

    def check_key(self, event: Any, text: str) -> None:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            self.bad_tag(event, _CORE_TAGS.get(event.tag))
        if event.implicit[0] and event.tag is None and not _is_text(text):
            self.mistake(
                "AIVP0113", f"The key {text[:40] or '(empty)'} is not text.", f'Quote it: "{text[:40]}".', event
            )
        elif event.implicit[0] and text == "<<":
            mend = "Write the keys out, use `defaults:`, or a CUE package. For a key of that name, quote it."
            self.mistake("AIVP0110", "The merge key << is not part of YAML 1.2.", mend, event)
        self.check_name(event, text)

    def check_name(self, event: Any, text: str) -> None:
        if text == TAG:
            self.mistake("AIVP0114", f"The key {TAG} is reserved for aivp itself.", "Choose another key.", event)
        elif text in self.here:
            first = self.spans.key([*self.path(), text])
            shown = f'"{text}"' if len(text) <= 60 else f'"{text[:57]}…"'
            why = f"The key {shown} stands twice in this map."
            self.mistake("AIVP0108", why, "Remove one of the two.", event, Related(first, "first here"))

    def odd_key(self, event: Any, done: Json) -> str:
        """The key for a map, list or alias in the place of one, so that reading can go on."""
        if type(done) is str:
            self.check_name(event, done)
            return done
        why = (
            "A map or list cannot be a key."
            if type(done) in (dict, list)
            else "What this alias stands for is not text."
        )
        self.mistake("AIVP0113", why, 'Quote text in braces, such as a template\'s "{{ name }}".', event)
        return f"\0{len(self.here)}"

    def check_container(self, event: Any) -> None:
        if len(self.stack) > MAX_DEPTH:
            why = f"Values are nested more than {MAX_DEPTH} deep here."
            self.stop(Diagnostic("AIVP0117", why, "Nothing in aivp needs that; flatten it.", self.span(event)))
        if event.anchor is not None:
            self.anchors.pop(event.anchor, None)  # inside, the name means this container, which is not complete yet
        wanted = "map" if type(event) is events.MappingStartEvent else "seq"
        if event.tag not in (None, "!") and _CORE_TAGS.get(event.tag) != wanted:
            self.bad_tag(event, _CORE_TAGS.get(event.tag))

    def bad_alias(self, event: Any) -> None:
        is_inside = any(start.anchor == event.anchor for _, _, start, _ in self.stack)
        why = "stands for something that contains it" if is_inside else "has no anchor"
        mend = "" if is_inside else f"Set &{event.anchor} before it; a text that starts with * needs quotes."
        self.mistake("AIVP0116", f"The alias *{event.anchor} {why}.", mend, event)

    def mistake(self, code: str, why: str, mend: str, event: Any, *related: Related) -> None:
        """Report one and go on, unless there are too many."""
        self.mistakes += 1
        self.found.error(code, why, mend, span=self.span(event), related=related)
        if self.mistakes >= MAX_MISTAKES:
            why = f"Reading ended here after {MAX_MISTAKES} mistakes in this file."
            self.stop(Diagnostic("AIVP0119", why, "Mend those first.", self.span(event)))

    def stop(self, diagnostic: Diagnostic) -> Never:
        self.found.add(diagnostic)
        raise _Stop

    def path(self) -> list[str | int]:
        """Where the innermost container stands."""
        return [key if key is not None else len(here) for here, key, _, _ in self.stack[1:]]

    def span(self, event: Any) -> Span:
        return Span(self.file, event.start_mark.line + 1, event.start_mark.column + 1)


def _is_text(text: str) -> bool:
    """True where a plain scalar is a string."""
    try:
        return type(plain(text)) is str
    except BadScalar:
        return False
