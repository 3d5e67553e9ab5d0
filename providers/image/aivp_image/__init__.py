"""Aivp's images of virtual machines: from Debian packages, OCI layouts, files and machines."""
