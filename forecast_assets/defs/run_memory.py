"""The memory of a run's process: what large arrays took goes back to the system."""

import ctypes
import platform

LARGE = 4 * 2**20
"""The size of arrays that the allocator takes from the system one by one, in bytes."""

MMAP_THRESHOLD = -3
"""The number of this setting in glibc's ``mallopt``."""


def give_back_large_arrays() -> None:
    """Have the memory of large arrays go back to the system as soon as they are freed.

    By default glibc raises that size up to 32 MB as such arrays come and go, and keeps what they
    took between smaller ones. The process of a backfill grew by a third for that. Other allocators
    stay as they are.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, LARGE)
