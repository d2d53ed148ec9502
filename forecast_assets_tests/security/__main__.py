"""``python -m forecast_assets_tests.security``: the promises of SECURITY.md on a whole system."""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    place = Path(__file__).with_name("whole_system.py")
    sys.exit(pytest.main([str(place), "-n0", "-p", "no:cacheprovider", *sys.argv[1:]]))
