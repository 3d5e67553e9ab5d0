"""One value of a plan → short text for people; secrets and what is not known yet by name only."""

from __future__ import annotations

from aivp.model.expression import Fact, Ref, Template, Text
from aivp.views import escape
from aivp_contract import canonical
from aivp_contract.values import Binary, Blob, Json, Secret, Unknown, Verdict, replace


def value_text(value: Json, most: int = 200) -> str:
    """One line; text that needs no quotes has none."""
    match value:
        case str():
            plain = escape.line(value, most)
            return plain if value and value == value.strip() and "\n" not in value else f'"{plain}"'
        case Unknown() | Ref() | Fact() | Text() | Template():
            return "(known after apply)"
        case Secret():
            return "(secret)"
        case Verdict():
            return {True: "(as desired)", False: "(differs, not shown)", None: "(not shown)"}[value.matches]
        case Binary():
            return f"({len(value.base64) * 3 // 4} bytes of binary data)"
        case Blob():
            return f"({value.size} bytes)"
        case _:
            named = replace(value, (Unknown, Ref, Fact, Text, Template, Secret, Verdict, Binary, Blob), value_text)
            return escape.line(canonical.encode(named).decode(), most)
