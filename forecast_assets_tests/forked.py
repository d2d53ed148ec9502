"""What runs are forked from: all that they need is loaded, and they are as quick as in a test."""

from contextlib import ExitStack
from importlib import import_module

from forecast_assets_tests import quick

LOADED = "dagster._grpc.server", "forecast_assets.defs.build", "pandera.pandas", "scipy.special"
"""What each run would load."""

FOR_GOOD = ExitStack()
"""What holds in each run until its process ends."""

for name in LOADED:
    import_module(name)
for each in (quick.blank_pictures, quick.kept_engines, quick.no_mirrors):
    FOR_GOOD.enter_context(each())
