"""Starts the zoo's providers: a whole one (no argument), or an animal by its name. Nothing of aivp is in it.

All are the provider of the protocol's document, with the rest of what the protocol knows, and each animal has
one fault.
"""

import importlib.util
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


provider = load("provider", FOLDER.parents[2] / "docs/protocol/example/provider.py")
provider.METHODS = (*provider.METHODS, "upgrade")


class Whole(provider.Notes):
    """Notes of a color that never changes; upgrades what was recorded when tags were a label."""

    def result(self, number, method, params):
        if method == "upgrade" and self.is_initialized:
            return {"items": [{"id": i["id"], "attributes": self.upgraded(i["attributes"])} for i in params["items"]]}
        return super().result(number, method, params)

    def initialize(self, params):
        answer = super().initialize(params)
        capabilities = {**answer["capabilities"], "upgrade": True}
        return {**answer, "kinds": {provider.KIND: 2}, "capabilities": capabilities}

    def observe(self, item):
        seen = super().observe(item)
        if seen["observed"] is not None:
            seen["observed"]["color"] = provider.read(seen["observed"]["path"]).get("color") or "white"
        return seen

    def apply(self, item):
        path = provider.described(item)["path"]
        old = provider.read(path)
        outputs = super().apply(item)
        note = provider.read(path)
        color = (old or {}).get("color") or item["config"].get("color")
        if note is not None and color is not None and color != note.get("color"):
            provider.write(path, {**note, "color": color})
        return outputs

    def upgraded(self, attributes):
        found = dict(attributes)
        if "label" in found:
            found["tags"] = [found.pop("label")]
        return found


if __name__ == "__main__":
    if len(sys.argv) < 2:
        provider.main(Whole)
    else:
        sys.modules["keeper"] = sys.modules["__main__"]
        load("animals", FOLDER / "animals.py").ANIMALS[sys.argv[1]]()
