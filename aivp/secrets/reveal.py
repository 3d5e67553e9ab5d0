"""A JSON value → the same with the value of every secret in it, for the link to a host and nothing else.

Templates are rendered by whoever calls, one batch for all that do not stand inside each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeAlias

from aivp_contract import canonical
from aivp_contract.values import Json, Secret, Unknown, contains, replace

from aivp.diagnostics.diagnostic import Diagnostic, Diagnostics, Refused, Span, refusal
from aivp.model.expression import EXPRESSIONS, IR_TAGS, Template
from aivp.model.taint import uses
from aivp.secrets.vault import Vault

Render: TypeAlias = Callable[[list[Template]], list[str]]
"""Templates with plain variables → their texts, in the same order. Raises Refused."""

_UNFILLED = (Unknown, *EXPRESSIONS)


def reveal(value: Json, vault: Vault, render: Render) -> Json:
    """Every secret in `value` gets its `value`; one that is made from something unknown stays without.

    Raises Refused with everything that is wrong (AIVP0801 to 0817); no message holds a byte of a secret.
    """
    origins: dict[bytes, Json] = {}
    replace(value, (Secret,), lambda secret: origins.setdefault(*_normal(secret.origin)))
    if not origins:
        return value
    _require(origins, vault)
    rendered: dict[bytes, str] = {}
    levels: dict[int, dict[bytes, Json]] = {}
    for origin in origins.values():
        _sort_templates(origin, levels)
    for level in sorted(levels):
        rendered |= _render(levels[level], vault, rendered, render)
    opened = {key: _opened(origin, vault, rendered) for key, origin in origins.items()}
    return replace(value, (Secret,), lambda secret: Secret(secret.origin, *opened[_normal(secret.origin)[0]]))


def _normal(origin: Json) -> tuple[bytes, Json]:
    """Canonical bytes to know it by, and the origin with every tagged value as an object, however it came."""
    try:
        data = canonical.encode(origin)
        return data, canonical.decode(data, IR_TAGS)
    except canonical.NotCanonical:
        raise _unknown_form() from None


def _require(origins: Mapping[bytes, Json], vault: Vault) -> None:
    """Ask every source, so that all that fail are reported at once."""
    found = Diagnostics()
    for name, version in sorted(set().union(*(uses(Secret(origin)) for origin in origins.values()))):
        try:
            vault.require(name, version)
            vault.value(name)
        except Refused as error:
            found.items.extend(error.diagnostics)
    found.refuse()


def _sort_templates(origin: Json, levels: dict[int, dict[bytes, Json]]) -> int:
    """Put every template within into its level, and give the height of `origin`: how many levels stand below it."""
    match origin:
        case Secret():
            return _sort_templates(origin.origin, levels)
        case {"text": [*parts]}:
            return max((_sort_templates(part, levels) for part in parts), default=0)
        case {"template": {"name": str(), "source": str(), "vars": dict(variables)}}:
            inner: list[int] = [0]
            replace(variables, (Secret,), lambda secret: inner.append(_sort_templates(secret, levels)))
            levels.setdefault(max(inner), {})[canonical.encode(origin)] = origin["template"]
            return max(inner) + 1
        case _:
            return 0


def _render(
    templates: Mapping[bytes, Json], vault: Vault, rendered: Mapping[bytes, str], render: Render
) -> dict[bytes, str]:
    """The texts of one level; what waits for something unknown is left out."""
    ready: dict[bytes, Template] = {}
    for key in sorted(templates):
        variables = replace(templates[key]["vars"], (Secret,), lambda secret: _or_unknown(secret, vault, rendered))
        if not contains(variables, _UNFILLED):
            ready[key] = Template(templates[key]["name"], templates[key]["source"], variables)
    return dict(zip(ready, _texts(list(ready.values()), render), strict=True)) if ready else {}


def _texts(templates: list[Template], render: Render) -> list[str]:
    """All in one batch. Where that fails, one by one: the renderer's words may quote a secret, so it tells nothing."""
    with suppress(Refused):
        return render(templates)
    found = Diagnostics()
    texts: list[str] = []
    for template in templates:
        try:
            texts += render([template])
        except Refused as error:
            found.items.extend(_without_words(template.name, problem) for problem in error.diagnostics)
    found.refuse()
    return texts


def _opened(origin: Json, vault: Vault, rendered: Mapping[bytes, str]) -> tuple[str | None, tuple[str, ...]]:
    """The value, and those of the secrets in it: what is said on the host about a part of it is kept there, too."""
    text = _text(origin, vault, rendered)
    if text is None:
        return None, ()
    return text, tuple(sorted({vault.value(name) for name, _ in uses(Secret(origin))}))


def _text(origin: Json, vault: Vault, rendered: Mapping[bytes, str]) -> str | None:
    """The value that `origin` stands for, None where a part is unknown."""
    match origin:
        case Secret():
            return _text(origin.origin, vault, rendered)
        case {"secret": str(name), "version": str()}:
            return vault.value(name)
        case {"text": [*parts]}:
            texts = [part if isinstance(part, str) else _text(part, vault, rendered) for part in parts]
            return None if None in texts else "".join(text for text in texts if text is not None)
        case {"template": {"name": str(), "source": str(), "vars": dict()}}:
            return rendered.get(canonical.encode(origin))
        case _ if isinstance(origin, _UNFILLED):
            return None
        case _:
            raise _unknown_form()


def _or_unknown(secret: Secret, vault: Vault, rendered: Mapping[bytes, str]) -> Json:
    text = _text(secret, vault, rendered)
    return Unknown() if text is None else text


def _without_words(name: str, problem: Diagnostic) -> Diagnostic:
    """What can be said of it: which template, where, and the code of the mistake."""
    span = Span(name, problem.span.line, problem.span.column) if problem.span else None
    why = f"The template {name}, which takes secrets, cannot be rendered ({problem.code})."
    mend = "What is wrong is not shown, since it may quote them. Render it with harmless values to see it."
    return Diagnostic("AIVP0816", why, mend, span)


def _unknown_form() -> Refused:
    return refusal("AIVP0817", "A secret is made in a way that this version does not know.", "Plan again.")
