"""The state database's tables and its format number. A released format is migrated, never edited."""

from __future__ import annotations

import secrets
import sqlite3

from aivp.diagnostics.diagnostic import refusal

VERSION = 1

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE objects (
    address TEXT NOT NULL, deposed INTEGER NOT NULL, object TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (address, deposed)) WITHOUT ROWID;
CREATE TABLE plans (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE runs (
    run TEXT PRIMARY KEY, plan TEXT NOT NULL, body BLOB NOT NULL, status TEXT NOT NULL, started TEXT NOT NULL,
    ended TEXT);
CREATE TABLE steps (
    run TEXT NOT NULL, step TEXT NOT NULL, status TEXT NOT NULL, action TEXT NOT NULL, error TEXT,
    ended TEXT NOT NULL, PRIMARY KEY (run, step)) WITHOUT ROWID;
"""


def migrate(connection: sqlite3.Connection, project: str, environment: str) -> None:
    """Bring an empty database to today's format. Raises Refused for a newer one, or one of another project."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise refusal(
            "AIVP0701",
            f"The state has format {version}; this aivp knows formats up to {VERSION}.",
            "Use the aivp that wrote it, or a newer one.",
        )
    if version == 0:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            meta = [("project", project), ("environment", environment), ("lineage", secrets.token_hex(16))]
            connection.executemany("INSERT INTO meta VALUES (?,?)", meta)
            connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    owner = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('project', 'environment')"))
    if owner != {"project": project, "environment": environment}:
        raise refusal(
            "AIVP0704",
            f"This state belongs to {owner.get('project')}/{owner.get('environment')}, not {project}/{environment}.",
            "Give the project its old name back, or move the state folder away.",
        )
