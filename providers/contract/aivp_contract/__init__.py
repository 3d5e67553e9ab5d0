"""What core, runner and SDK share: tagged values, canonical form, manifests, the diff and the line codec.

Standard library only, Python 3.9: every byte of this package also runs on hosts.
"""
