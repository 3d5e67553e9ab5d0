"""Diagnostics → a SARIF 2.1.0 log: what a code review shows beside the lines. The sole place of escaping for this sink.

It holds no line of anybody's file, since logs are uploaded; and no clock, user or absolute path: the same diagnostics
give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from aivp import __version__
from aivp.diagnostics import Diagnostic, Span
from aivp.diagnostics.catalogue import SUMMARIES
from aivp.diagnostics.explanation import Example, explain
from aivp.views import escape

SCHEMA = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"

ROOT = "aivp.yaml"
"""Where a diagnostic stands that has no place of its own: reviews drop what has none."""

MOST = 5000
"""Results of one log; those who read them take no more, and 25,000 is where they refuse all of it."""

Members = dict[str, Any]


def render_sarif(diagnostics: Sequence[Diagnostic], directory: str, *, is_whole: bool) -> str:
    """The log, in ASCII. directory: the project's folder, from where its reader stands; is_whole: it ran to its end."""
    unique = sorted(dict.fromkeys(diagnostics), key=lambda item: item.severity != "error")
    told = unique[:MOST]
    codes = sorted({item.code for item in told})
    run: Members = {
        "tool": {"driver": {"name": "aivp", "version": __version__, "rules": [_rule(code) for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": is_whole, **_left_out(len(unique) - len(told))}],
        "results": [_result(item, codes.index(item.code), directory) for item in told],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, sort_keys=True) + "\n"


def plain(text: str) -> str:
    """Text of a message: nothing unseen in it, and no link of SARIF's own syntax."""
    return escape.block(text).replace("](", "]\\(")


def _left_out(number: int) -> Members:
    if number <= 0:
        return {}
    return {"toolExecutionNotifications": [{"level": "warning", "message": {"text": f"{number} more are left out."}}]}


def _rule(code: str) -> Members:
    if code not in SUMMARIES:
        return {"id": code}
    item = explain(code)
    good = _example(item.good)
    return {
        "id": code,
        "shortDescription": {"text": item.summary},
        "fullDescription": {"text": f"{item.what} {item.why}"},
        "help": {
            "text": f"{item.mend} More: aivp explain {code}",
            "markdown": f"{item.what}\n\n{item.why}\n\n{item.mend}\n\nWrong:\n\n{_example(item.bad)}\nRight:\n\n{good}",
        },
    }


def _example(example: Example) -> str:
    """In Markdown; our own text, of which a test knows that it breaks out of no fence."""
    blocks = [f"`{name}`\n\n```\n{text.rstrip()}\n```\n" for name, text in example.files.items()]
    lines = "".join(f"$ {line}\n" for line in example.commands)
    return "\n".join(
        [*([f"{example.words}\n"] if example.words else []), *blocks, *([f"```\n{lines}```\n"] if lines else [])]
    )


def _result(item: Diagnostic, index: int, directory: str) -> Members:
    found: Members = {
        "ruleId": item.code,
        "ruleIndex": index,
        "level": item.severity,
        "message": {"text": plain(f"{item.why}\n{item.mend}" if item.mend else item.why)},
        "locations": [_location(item.span, directory)],
        "partialFingerprints": {"aivp/v1": _fingerprint(item)},
    }
    if item.address is not None:
        name = escape.line(item.address)
        found["locations"][0]["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "resource"}]
    if item.related:
        found["relatedLocations"] = [
            {"id": number, "message": {"text": plain(related.message)}, **_location(related.span, directory)}
            for number, related in enumerate(item.related)
        ]
    return found


def _location(span: Span | None, directory: str) -> Members:
    where: Members = {"artifactLocation": {"uri": _uri(ROOT if span is None else span.file, directory)}}
    if span is not None and span.line > 0:
        where["region"] = {"startLine": span.line, **({"startColumn": span.column} if span.column > 0 else {})}
    return {"physicalLocation": where}


def _uri(file: str, directory: str) -> str:
    """Relative to where aivp was called, which is a checkout's root in CI; else to the project itself."""
    path = os.path.normpath(os.path.join(directory, file))
    if os.path.isabs(path):
        path = os.path.relpath(path)
    if path.split(os.sep, 1)[0] == os.pardir:
        path = os.path.normpath(file).lstrip(os.sep)
    return quote(path.encode("utf-8", "backslashreplace"))


def _fingerprint(item: Diagnostic) -> str:
    """The same while the mistake is the same, wherever in its file it moves."""
    parts = (item.code, item.span.file if item.span else "", item.address or "", item.why)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
