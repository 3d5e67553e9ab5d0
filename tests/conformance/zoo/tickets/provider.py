"""A good provider that assigns identities: tickets, each a file under the next number, made once per key and item."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from keeper import provider

provider.KIND = "example/ticket"


class Tickets(provider.Notes):
    def initialize(self, params):
        self.folder = params["configuration"]["folder"]
        return super().initialize(params)

    def result(self, number, method, params):
        self.key = params.get("key") if isinstance(params, dict) else None
        return super().result(number, method, params)

    def observe(self, item):
        ticket = self.ticket(item.get("identity", {}).get("number"))
        normalised = {name: provider.without_value(value) for name, value in item["config"].items()}
        if ticket is None:
            return {"observed": None, "normalised": normalised, "computed": {"number": provider.UNKNOWN}}
        seen = {"number": item["identity"]["number"], "title": ticket["title"]}
        if "title" in provider.secret_fields(item):
            seen["title"] = {
                "$aivp": "verdict",
                "matches": provider.matches("title", item["config"].get("title"), ticket["title"]),
            }
        return {"observed": seen, "normalised": normalised, "computed": {"number": seen["number"]}}

    def apply(self, item):
        number = item.get("identity", {}).get("number")
        if item["action"] == "delete":
            if self.ticket(number) is not None:
                os.unlink(self.path(number))
            return {}
        key = self.once(item)
        if item["action"] == "create":
            made = [known for known in self.numbers() if self.ticket(known)["key"] == key]
            number = made[0] if made else max(self.numbers(), default=0) + 1
        elif self.ticket(number) is None:
            raise provider.Problem("there is no such ticket", path="/number")
        else:
            key = self.ticket(number)["key"]
        title = provider.plain("title", item["config"]["title"])
        provider.write(self.path(number), {"title": title, "key": key})
        return {"number": number}

    def once(self, item):
        return f"{self.key} {item['id']}"

    def list(self, params):
        numbers = sorted(self.numbers(), key=str)
        return [
            {"id": str(n), "identity": {"number": n}, "attributes": {"title": self.ticket(n)["title"]}} for n in numbers
        ]

    def numbers(self):
        return [int(name[:-5]) for name in os.listdir(self.folder) if name.endswith(".json")]

    def ticket(self, number):
        return None if number is None else provider.read(self.path(number))

    def path(self, number):
        return f"{self.folder}/{number}.json"


class Forgetful(Tickets):
    """Makes another one whenever it is asked."""

    def once(self, item):
        return os.urandom(8).hex()


if __name__ == "__main__":
    provider.main(Forgetful if sys.argv[1:] == ["forgetful"] else Tickets)
