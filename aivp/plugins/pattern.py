"""Regular expressions of users, in time linear in the text whatever the expression: Rust's engine never backtracks."""

from __future__ import annotations


class BadPattern(ValueError):
    """Text that is no regular expression here."""


def check_pattern(pattern: str) -> None:
    """Raise BadPattern where `pattern` is no regular expression, or needs look-around or back-references."""
    matches(pattern, "")


def matches(pattern: str, text: str) -> bool:
    """True where `pattern` is found anywhere in `text`, as in JSON Schema; ^ and $ anchor it. Raises BadPattern."""
    import jsonschema_rs

    options = jsonschema_rs.RegexOptions()
    try:
        validator = jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except ValueError:
        raise BadPattern(pattern) from None
    return validator.is_valid(text)
