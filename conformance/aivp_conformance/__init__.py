"""The conformance kit of the provider protocol: drives any executable with a manifest, and says what it breaks.

It is a reading of docs/protocol/v1.md of its own, and imports nothing of aivp: what both got wrong in the same
way would not show.
"""
