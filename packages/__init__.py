"""How aivp becomes files that people install: wheels, source archives, lists with digests, an SBOM."""
