"""Inventories of other tools → a document of hosts and groups in our words. Starts nothing, and asks no host."""
