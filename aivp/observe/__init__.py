"""From a compiled program to evidence: hosts are asked in waves, and their answers audited before anyone reads them."""
