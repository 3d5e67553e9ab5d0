"""Bytes from a source → the text of a secret: UTF-8, bounded, never empty. Messages show no byte of it."""

from __future__ import annotations

from aivp.diagnostics.diagnostic import refusal

MAX_BYTES = 64 * 1024


def read_text(name: str, data: bytes) -> str:
    """The value. Raises Refused (AIVP0810) where `data` cannot be one."""
    if len(data) > MAX_BYTES:
        raise refusal("AIVP0810", f"The secret {name} has more than {MAX_BYTES // 1024} KiB.")
    if (text := _decoded(data)) is None:
        raise refusal("AIVP0810", f"The secret {name} is not UTF-8 text.", "Keep it encoded, such as in base64.")
    if not text:
        why = f"The secret {name} is empty."
        raise refusal("AIVP0810", why, "A CI system gives an empty text where a secret is not set for this job.")
    return text


def without_newline(data: bytes) -> bytes:
    """Without the one line feed that editors and commands put at the end."""
    return data.removesuffix(b"\n")


def _decoded(data: bytes) -> str | None:
    """None where it is no UTF-8. The exception holds the bytes, so it ends here: no other is raised while it lives."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
