"""What a worker of Celery does: ``celery --app dagster_celery.app worker`` finds this file.

The executor of the daemon's runs uses the same broker, and JSON too.
"""

import os

broker_url = os.environ["FORECAST_BROKER"]
result_backend = broker_url

# Nothing that comes through the broker is unpickled.
accept_content = ["json"]
result_accept_content = ["json"]
task_serializer = "json"
result_serializer = "json"

# A step stays in the broker until it is done. If the process that works it is killed, it is worked
# again at once; if its worker is killed or its machine is gone, another worker takes it after the
# visibility time-out. So that must be longer than any step takes.
task_acks_late = True
task_reject_on_worker_lost = True
broker_transport_options = {
    "visibility_timeout": float(os.environ.get("FORECAST_LOST_AFTER_SECONDS", "3600"))
}
worker_prefetch_multiplier = 1
