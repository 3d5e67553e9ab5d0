"""Fields in a third-party provider's answer: those that the kind has, with values within bounds, and no secret.

Raises Broken, which names the field.
"""

from __future__ import annotations

import re
from typing import Mapping

from aivp_contract.canonical import MAX_INTEGER
from aivp_contract.manifest import Kind
from aivp_contract.values import Blob, Json, Secret, contains

from .faults import Broken, quoted
from .question import Question

DEEPEST = 100


def check(kind: Kind, fields: Mapping[str, Json], member: str, asked: Question, *, may_be_secret: bool = False) -> None:
    """Each of the kind, and whatever they hold in bounds; where a secret may stand, only in the place of one."""
    if not fields.keys() <= kind.fields.keys():
        stranger = min(set(fields) - set(kind.fields))
        raise Broken(f"{member} of {asked.id} holds {quoted(stranger)}, which {kind.name} does not have")
    for name, value in fields.items():
        if type(value) is str or value is None:
            continue
        if type(value) is int and -MAX_INTEGER <= value <= MAX_INTEGER:
            continue
        may_be = may_be_secret and asked.redaction is not None and name in asked.redaction.hidden
        admit_value(value, f"{member}/{name} of {asked.id}", may_be_secret=may_be)


def check_computed(kind: Kind, fields: Mapping[str, Json], member: str, asked: Question) -> None:
    """Only computed ones."""
    if not fields.keys() <= kind.computed:
        stranger = min(set(fields) - kind.computed)
        raise Broken(f"{member} of {asked.id} holds {stranger}, which is not computed")


def admit_value(value: Json, where: str, *, may_be_secret: bool) -> None:
    """A value in bounds: texts were looked at with the line that brought them."""
    _look(value, where, DEEPEST)
    if not may_be_secret and contains(value, (Secret,)):
        raise Broken(f"{where}: a secret")


def _look(value: Json, where: str, depth: int) -> None:
    if type(value) is Blob and (not re.fullmatch("[0-9a-f]{64}", value.sha256) or value.size < 0):
        raise Broken(f"{where}: a blob without digest or size")
    if type(value) is int and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise Broken(f"{where}: an integer beyond ±(2^53−1)")
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    if inner and depth == 0:
        raise Broken(f"{where}: more than {DEEPEST} levels deep")
    for item in inner:
        if type(item) is not str:
            _look(item, where, depth - 1)
