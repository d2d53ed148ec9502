"""How the C library keeps memory in processes that stay for weeks.

It has an arena for nearly each thread, and what is freed in one is not used again by another, so a
process with many threads that come and go grows by some 25 kB a day. With one arena it does not.
"""

from collections.abc import Mapping

ONE_ARENA: Mapping[str, str] = {"MALLOC_ARENA_MAX": "1"}
"""The environment of a process that stays; what the user's says goes before it."""
