"""A ledger: entries are files of a folder, named by numbers that are assigned on create. Nothing of aivp is imported.

Which key brought which number is kept in the provider's own directory before the entry exists. Faults, by files in the
book: `wait` holds a create up after its effect, `forge` makes it lie about the title. `forgotten` in its own directory
makes it upgrade nothing.
"""

import json
import os
import sys
import time
from pathlib import Path

UNKNOWN = {"$aivp": "unknown"}
VERSION, SCHEMA_VERSION, *CAPABILITIES = sys.argv[1:]


def entries(item):
    """The folder: declared, or recorded in `prior`, or found by what its config knows."""
    return Path(item["config"]["book"])


def read(path):
    return json.loads(path.read_text()) if path.exists() else None


def save(path, value):
    new = path.with_suffix(".new")
    new.write_text(json.dumps(value, sort_keys=True))
    os.replace(new, path)


def observe(item, directory):
    number = item.get("identity", {}).get("id")
    seen = None if number is None else read(entries(item) / f"{number}.json")
    log(directory, "observe", number)
    if seen is None:
        return {"observed": None, "computed": {"id": UNKNOWN}}
    return {"observed": {**seen, "id": number, "book": str(entries(item))}, "computed": {"id": number}}


def apply(item, key, directory):
    book, number = entries(item), item.get("identity", {}).get("id")
    log(directory, item["action"], number)
    if item["action"] == "delete":
        (book / f"{number}.json").unlink(missing_ok=True)
        return {}
    if item["action"] == "create":
        assert number is None, "a create with an id"
        keys = Path(directory) / "keys.json"
        known = read(keys) or {}
        name = f"{key}:{item['id']}"
        if name not in known:
            count = max((int(path.stem) for path in book.glob("*.json")), default=100)
            known[name] = str(max([count, *(int(value) for value in known.values())]) + 1)
            save(keys, known)
        number = known[name]
    fields = {name: value for name, value in item["config"].items() if name != "book"}
    if (book / "forge").exists():
        fields["title"] = "forged"
    save(book / f"{number}.json", fields)
    while (book / "wait").exists():
        time.sleep(0.02)
    return {"id": number}


def log(directory, action, number):
    with (Path(directory) / "log").open("a") as file:
        file.write(f"{action} {number}\n")


def upgrade(item):
    old = dict(item["attributes"])
    if item["version"] == 1 and "name" in old:
        old["title"] = old.pop("name")
    return old


def main():
    directory = ""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        method, params = message["method"], message["params"]
        result = {}
        if method == "initialize":
            directory = params["directory"]
            result = {
                "protocol": {"major": 1, "minor": 0},
                "provider": {"name": "ledger", "version": VERSION},
                "kinds": {"ledger/entry": int(SCHEMA_VERSION)},
                "capabilities": dict.fromkeys(CAPABILITIES, True),
            }
        elif method == "observe":
            result["items"] = [{"id": i["id"], "observation": observe(i, directory)} for i in params["items"]]
        elif method == "apply":
            result["items"] = [{"id": i["id"], "outputs": apply(i, params["key"], directory)} for i in params["items"]]
        elif method == "upgrade":
            log(directory, "upgrade", len(params["items"]))
            error = {"error": {"class": "permanent", "message": "it has forgotten"}}
            is_forgotten = (Path(directory) / "forgotten").exists()
            result["items"] = [
                {"id": i["id"], **(error if is_forgotten else {"attributes": upgrade(i)})} for i in params["items"]
            ]
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


if __name__ == "__main__":
    main()
