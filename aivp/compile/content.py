"""`source`, `template` and `vars` → the value of the content field that they stand for.

A source beyond what a plan holds becomes a blob: its digest and size, while its bytes stay where they are. A template
whose variables are all known is rendered here; one that waits for something travels whole, as Template.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aivp_contract.canonical import encode
from aivp_contract.manifest import Content, Kind
from aivp_contract.values import Binary, Blob, Json, Tagged, Unknown

from aivp.blobs.measure import INLINE
from aivp.compile.instance import Instance
from aivp.compile.mistake import Mistake, Reported
from aivp.compile.syntax import has_reference, parse_text
from aivp.compile.text import holds_tagged
from aivp.config.files import split
from aivp.diagnostics import Diagnostics, Refused, Span
from aivp.model.expression import Template
from aivp.templates import Job, Problem, render

Load = Callable[[str, Span], bytes | Blob]
"""(path beneath the project, where it is written) → its bytes, or its blob where they are too many for a plan.

Raises Refused.
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """`attributes` by address, with every content field filled; `blobs`: SHA-256 → the files that hold that content."""

    attributes: Mapping[str, Mapping[str, Json]]
    blobs: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Use:
    """One template in one field of one instance."""

    instance: Instance
    field: str
    content: Content
    name: str
    source: str
    vars: Mapping[str, Json]
    is_inline: bool

    @property
    def job(self) -> Job:
        waits = holds_tagged(dict(self.vars))
        return Job(self.name, self.source, frozenset(self.vars), None if waits else self.vars)


def fill_contents(
    instances: Mapping[str, Instance],
    attributes: Mapping[str, Mapping[str, Json]],
    load: Load,
    diagnostics: Diagnostics,
) -> Filled:
    """Every content field filled and its siblings taken away. At most one process is started."""
    filler = _Filler(load, diagnostics)
    for address, fields in attributes.items():
        for name, content in _content_fields(instances[address].declaration.kind):
            filler.look(instances[address], fields, name, content)
    filler.render()
    found = {address: filler.found.get(address, fields) for address, fields in attributes.items()}
    return Filled(found, {sha256: sorted(paths) for sha256, paths in sorted(filler.blobs.items())})


def _content_fields(kind: Kind) -> Iterator[tuple[str, Content]]:
    return ((name, item.content) for name, item in kind.fields.items() if item.content is not None)


class _Filler:
    """Gathers files and templates of all instances; each file is read once."""

    def __init__(self, load: Load, diagnostics: Diagnostics) -> None:
        self.load = load
        self.diagnostics = diagnostics
        self.found: dict[str, dict[str, Json]] = {}
        self.blobs: dict[str, set[str]] = {}
        self.uses: list[_Use] = []
        self._files: dict[str, Json] = {}

    def look(self, instance: Instance, fields: Mapping[str, Json], name: str, content: Content) -> None:
        """Fill the field `name` from `source`, or note its template."""
        try:
            if content.template in fields:
                self._use(instance, fields, name, content)
            elif content.source in fields:
                value = self._file(fields[content.source], content.source)
                if isinstance(value, Blob):
                    self.blobs.setdefault(value.sha256, set()).add("/".join(split(fields[content.source])))
                self._put(instance, fields, name, content, value)
            elif type(fields.get(name)) is str:
                _bounded(fields[name], name)
        except Mistake as mistake:
            mistake.report(self.diagnostics, instance.declaration, instance.address)

    def render(self) -> None:
        """Look at all noted templates at once and put in what came out."""
        jobs = {_job_key(use): use.job for use in self.uses}
        results = dict(zip(jobs, render(list(jobs.values())), strict=True)) if jobs else {}
        for use in self.uses:
            result = results[_job_key(use)]
            if isinstance(result, Problem):
                self._report(use, result)
                continue
            value = Template(use.name, use.source, use.vars) if result is None else result
            try:
                fields = self.found.setdefault(use.instance.address, {})
                fields[use.field] = _bounded(value, use.content.template)
            except Mistake as mistake:
                mistake.report(self.diagnostics, use.instance.declaration, use.instance.address)

    def _put(
        self, instance: Instance, fields: Mapping[str, Json], name: str, content: Content, value: Json = None
    ) -> None:
        spent = {content.source, content.template, content.vars}
        rest = {key: item for key, item in self.found.get(instance.address, fields).items() if key not in spent}
        self.found[instance.address] = rest if value is None else {**rest, name: value}

    def _use(self, instance: Instance, fields: Mapping[str, Json], name: str, content: Content) -> None:
        template, variables = fields[content.template], fields.get(content.vars) or {}
        if type(template) is dict:
            label, source = f"{instance.declaration.kind.name}.{instance.declaration.name}", _inline(template, content)
        else:
            text = self._file(template, content.template)
            if isinstance(text, Blob):
                raise _too_large(f"The template {template}", content.template)
            if type(text) is not str:
                raise Mistake("AIVP0305", f"The template {template} is not UTF-8 text.", "", content.template)
            label, source = template, text
        if isinstance(variables, Unknown):
            raise Reported
        if type(variables) is not dict:
            raise Mistake("AIVP0302", f"{content.vars} is a mapping of names to values.", "", content.vars)
        self._put(instance, fields, name, content)
        self.uses.append(_Use(instance, name, content, label, source, variables, type(template) is dict))

    def _file(self, path: Json, field: str) -> Json:
        if isinstance(path, Unknown):
            raise Reported
        if isinstance(path, Tagged):
            raise Mistake("AIVP0205", f"{field} must be known at compile.", "", field)
        if path not in self._files:
            found = self._load(path, field)
            self._files[path] = _text_or_binary(found) if isinstance(found, bytes) else found
        return self._files[path]

    def _load(self, path: str, field: str) -> bytes | Blob:
        try:
            return self.load(path, Span("", 0, 0))
        except Refused as refused:
            first = refused.diagnostics[0]
            raise Mistake(first.code, first.why, first.mend, field) from None

    def _report(self, use: _Use, problem: Problem) -> None:
        declaration = use.instance.declaration
        if use.is_inline:
            span = declaration.span(use.content.template, "inline")
            why = f"{problem.why} (line {problem.line} of the template)" if problem.line else problem.why
        else:
            span, why = Span(use.name, max(problem.line, 1), max(problem.column, 1)), problem.why
        self.diagnostics.error(problem.code, why, problem.mend, span=span, address=use.instance.address)


def _job_key(use: _Use) -> tuple[str, str, bytes]:
    return (use.name, use.source, encode(dict(use.vars)))


def _inline(template: Mapping[str, Json], content: Content) -> str:
    source = template.get("inline")
    if type(source) is not str:
        raise Mistake("AIVP0302", f"{content.template} is a path, or a mapping with inline.", "", content.template)
    if not has_reference(source):
        return source
    where = (content.template, "inline")
    try:
        parts = parse_text(source)
    except Mistake as mistake:
        raise mistake.beneath(*where) from None
    for part in parts:
        if type(part) is not str:
            mend = f"Write it into {content.vars}, and {{{{ its_name }}}} into the template."
            raise Mistake("AIVP0205", f"${{{part}}} stands inside the text of a template.", mend, *where)
    return "".join(map(str, parts))


def _text_or_binary(data: bytes) -> Json:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Binary(base64.b64encode(data).decode())


def _bounded(value: Json, field: str) -> Json:
    """`value`, a text that came to be in memory, where it may stand in a plan."""
    if type(value) is str and len(value.encode()) > INLINE:
        raise _too_large(f"What {field} makes" if field != "content" else field, field)
    return value


def _too_large(what: str, field: str) -> Mistake:
    why = f"{what} is larger than {INLINE // 1024} KiB, the most that stands in a plan."
    mend = "Keep the finished content in a file of the project, and name it as the source."
    return Mistake("AIVP0227", why, mend, field)
