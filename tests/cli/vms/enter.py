"""Stands in for the way into a VM: what is to run within runs here."""

import os
import sys

os.environ["WITHIN"] = os.path.basename(os.path.dirname(os.path.abspath(__file__)))
os.execvp(sys.argv[1], sys.argv[1:])
