"""Declarations and what the world is like → the plan that a person reads. AIVP_UPDATE_GOLDEN=1 rewrites the texts.

Each case holds aivp.yaml (the kinds are those of tests/plan/worlds.py), world.yaml (`seen`: address → fields as
observed, null for not there; `objects`: recorded rows by address; `facts`), and what is then shown.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from aivp_contract import canonical

from aivp.compile import compile_project
from aivp.config.load import load
from aivp.diagnostics import Refused
from aivp.model.evidence import HostEvidence
from aivp.model.resource import IR
from aivp.plugins import Registry
from aivp.views.diagnostic_text import render_diagnostics
from aivp.views.json_lines import plan_lines
from aivp.views.plan_text import render_plan
from tests import schemas, txtar
from tests.plan.worlds import CLOUD_JSON, MANIFEST_JSON, plan, row, witness

CASES = sorted(Path(__file__).with_name("plan").glob("*.txtar"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_plan_that_a_person_reads(case: Path, tmp_path: Path) -> None:
    comment, files = txtar.read(case)
    (tmp_path / "aivp.yaml").write_text(files["aivp.yaml"])
    shown = _shown(compile_project(load(tmp_path), Registry.of([MANIFEST_JSON, CLOUD_JSON])).ir, files["world.yaml"])
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        txtar.write(case, comment, {"aivp.yaml": files["aivp.yaml"], "world.yaml": files["world.yaml"], "shown": shown})
    assert shown == files.get("shown", "")


def _shown(ir: IR, text: str) -> str:
    world: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)  # noqa: TID251
    objects = [row(address, **raw) for address, raw in (world.get("objects") or {}).items()]
    places = {item.host for item in ir.resources.values()} | {item.host for item in objects}
    hosts = {name: HostEvidence("m1", world.get("facts", {}), world.get("pending", ())) for name in places}
    evidence = witness(ir, world.get("seen"), objects, hosts=hosts)
    schemas.check("ir", json.loads(ir.encode()))
    schemas.check("evidence", json.loads(evidence.encode()))
    try:
        found = plan(ir, evidence)
    except Refused as refused:
        return render_diagnostics(refused.diagnostics, lambda _: None, color=False) + "\n"
    schemas.check("plan", json.loads(found.encode()))
    for line in plan_lines(found):
        schemas.check("events", json.loads(line))
    digest = canonical.digest_bytes(found.encode())
    return f"{render_plan(found, width=100, color=False, verbose=False)}\n{digest}\n"
