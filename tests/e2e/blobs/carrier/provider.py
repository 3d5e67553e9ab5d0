"""A third-party provider that is handed large content by path. Standard library only."""

import hashlib
import json
import os
import shutil
import sys


def observe(item):
    config = item["config"]
    if not os.path.exists(config["path"]):
        return {"observed": None}
    assert "path" not in config["content"], "content came along with a question"
    with open(config["path"], "rb") as file:
        data = file.read()
    seen = {"$aivp": "blob", "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    found = {"path": config["path"], "content": seen}
    if os.path.exists(config["path"] + ".label"):
        with open(config["path"] + ".label") as file:
            found["label"] = file.read()
    return {"observed": found}


def apply(item):
    config = item["config"]
    with open(config["path"] + ".label", "w") as file:
        file.write(config["label"])
    if any(change["path"] == "/content" for change in item["changes"]):
        staged = config["content"]["path"]
        assert os.stat(staged).st_mode & 0o777 == 0o400
        shutil.copyfile(staged, config["path"] + ".new")
        os.rename(config["path"] + ".new", config["path"])
    else:
        assert "path" not in config["content"], "content came along for nothing"
    return {}


def answer(method, params):
    if method == "initialize":
        provider = {"name": "carrier", "version": "1.0.0"}
        known = {"protocol": {"major": 1, "minor": 0}, "provider": provider}
        return {**known, "kinds": {"carrier/box": 1}, "capabilities": {}}
    if method == "observe":
        return {"items": [{"id": item["id"], "observation": observe(item)} for item in params["items"]]}
    if method == "apply":
        return {"items": [{"id": item["id"], "outputs": apply(item)} for item in params["items"]]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        found = {"jsonrpc": "2.0", "id": message["id"], "result": answer(message["method"], message["params"])}
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
