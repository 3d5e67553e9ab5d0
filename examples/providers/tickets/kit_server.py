"""The `setup` of conformance.json: a fresh server with one project, left running; says where it is."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

TOKEN = sys.argv[1]

server = subprocess.Popen(
    [sys.executable, str(Path(__file__).with_name("server.py")), "0"],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
)
assert server.stdin is not None
assert server.stdout is not None
print(TOKEN, file=server.stdin, flush=True)
url = server.stdout.readline().strip()
request = urllib.request.Request(f"{url}/projects/web", b'{"title": ""}', {"Authorization": f"Bearer {TOKEN}"})
request.method = "PUT"
urllib.request.urlopen(request).close()
print(json.dumps({"url": url}))
