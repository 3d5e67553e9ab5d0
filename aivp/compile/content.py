"""`source`, `template` and `vars` → the value of the content field that they stand for.

A template whose variables are all known is rendered here; one that waits for something travels whole, as Template.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from aivp_contract.canonical import encode
from aivp_contract.manifest import Content, Kind
from aivp_contract.values import Binary, Json, Tagged, Unknown

from aivp.compile.instance import Instance
from aivp.compile.mistake import Mistake, Reported
from aivp.compile.syntax import has_reference, parse_text
from aivp.compile.text import holds_tagged
from aivp.diagnostics import Diagnostics, Refused, Span
from aivp.model.expression import Template
from aivp.templates import Job, Problem, render

MAX_CONTENT = 64 * 1024
"""Bytes that may stand inside a plan."""

MAX_FILE = 16 * 1024 * 1024
"""Bytes of a file that is looked at at all."""

ReadFile = Callable[[str, int, Span], bytes]
"""(path beneath the project, limit in bytes, where it is written) → content. Raises Refused."""


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
    read: ReadFile,
    diagnostics: Diagnostics,
) -> Mapping[str, Mapping[str, Json]]:
    """`attributes` with every content field filled and its siblings taken away. At most one process is started."""
    filler = _Filler(read, diagnostics)
    for address, fields in attributes.items():
        for name, content in _content_fields(instances[address].declaration.kind):
            filler.look(instances[address], fields, name, content)
    filler.render()
    return {address: filler.found.get(address, fields) for address, fields in attributes.items()}


def _content_fields(kind: Kind) -> Iterator[tuple[str, Content]]:
    return ((name, item.content) for name, item in kind.fields.items() if item.content is not None)


class _Filler:
    """Gathers files and templates of all instances; each file is read once."""

    def __init__(self, read: ReadFile, diagnostics: Diagnostics) -> None:
        self.read = read
        self.diagnostics = diagnostics
        self.found: dict[str, dict[str, Json]] = {}
        self.uses: list[_Use] = []
        self._files: dict[str, bytes] = {}

    def look(self, instance: Instance, fields: Mapping[str, Json], name: str, content: Content) -> None:
        """Fill the field `name` from `source`, or note its template."""
        try:
            if content.template in fields:
                self._use(instance, fields, name, content)
            elif content.source in fields:
                self._put(instance, fields, name, content, self._file(fields[content.source], content.source))
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
            self._files[path] = self._read(path, field)
        return _bounded(_text_or_binary(self._files[path]), field, path)

    def _read(self, path: str, field: str) -> bytes:
        try:
            return self.read(path, MAX_FILE, Span("", 0, 0))
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


def _bounded(value: Json, field: str, path: str = "") -> Json:
    size = len(value.encode()) if type(value) is str else len(value.base64) * 3 // 4 if isinstance(value, Binary) else 0
    if size > MAX_CONTENT:
        what = path or field
        why = (
            f"{what} is larger than {MAX_CONTENT // 1024} KiB; such content comes with blobs and is refused until then."
        )
        raise Mistake("AIVP0213", why, "", field)
    return value
