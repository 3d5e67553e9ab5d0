"""The language as data → schemas that other programs check and complete it with. Reads no file and no project."""
