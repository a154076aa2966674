"""Mechanics that every room shares. It knows no domain: no word of scans, findings or reports stands here."""

import gc
import os

COLLECT_EVERY = 200_000
"""Allocations between two looks for cyclic garbage, instead of 700. A starting door allocates a great deal and throws
nothing away: looking cost a twelfth of its start. what waits this long is some megabytes."""

gc.set_threshold(COLLECT_EVERY, 20, 20)
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them reads every package's metadata
