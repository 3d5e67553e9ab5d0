"""Content that is too large for a plan: measured where it lies, carried in a bundle, read for those who need it."""
