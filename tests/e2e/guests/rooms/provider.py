"""Rooms: folders that are hosts; who gets in keeps what a host remembers in the room. Nothing of aivp is imported."""

import json
import shutil
import sys
import uuid
from pathlib import Path

UNKNOWN = {"$aivp": "unknown"}


def room(item):
    return Path(item["config"].get("path") or item["identity"]["path"])


def outputs(path, seen):
    way = ["env", f"AIVP_HOST_STATE={path}/state", f"ROOM={path}"]
    return {"number": seen["number"], "channel": way if seen["open"] else None}


def read(path):
    file = path / "room.json"
    return json.loads(file.read_text()) if file.exists() else None


def observe(item):
    path = room(item)
    seen = read(path)
    wanted = item["config"].get("open", True if seen is None else seen["open"])
    foreseen = UNKNOWN if wanted else None
    if seen is None:
        return {"observed": None, "computed": {"number": UNKNOWN, "channel": foreseen}}
    fields = {"path": str(path), "open": seen["open"], "size": seen["size"]}
    known = outputs(path, seen)
    return {"observed": fields, "computed": known if wanted == seen["open"] else {**known, "channel": foreseen}}


def apply(item):
    path = room(item)
    if item["action"] == "delete":
        shutil.rmtree(path)
        return {}
    seen = read(path) or {"number": uuid.uuid4().hex}
    seen["open"], seen["size"] = item["config"].get("open", True), item["config"].get("size", 1)
    path.mkdir(exist_ok=True)
    (path / "room.json").write_text(json.dumps(seen))
    if (path.parent / "storm").exists():
        raise OSError("the roof is off")
    return outputs(path, seen)


def applied(item):
    try:
        return {"id": item["id"], "outputs": apply(item)}
    except OSError as error:
        return {"id": item["id"], "error": {"class": "permanent", "message": str(error)}}


def main():
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        method, params = message["method"], message["params"]
        result = {}
        if method == "initialize":
            result = {
                "protocol": {"major": 1, "minor": 0},
                "provider": {"name": "rooms", "version": "1.0.0"},
                "kinds": {"rooms/room": 1},
                "capabilities": {},
            }
        elif method == "observe":
            result["items"] = [{"id": i["id"], "observation": observe(i)} for i in params["items"]]
        elif method == "apply":
            result["items"] = [applied(i) for i in params["items"]]
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


if __name__ == "__main__":
    main()
