"""Every diagnostic code with its constant summary. Codes are stable: a retired one is never used again.

01xx files and syntax · 02xx names and references · 03xx kinds and fields · 04xx observe, bind and plan ·
05xx apply and runs · 06xx hosts and providers · 07xx state · 08xx secrets and templates · 09xx command line.
"""

from __future__ import annotations

from collections.abc import Mapping

SUMMARIES: Mapping[str, str] = {}
