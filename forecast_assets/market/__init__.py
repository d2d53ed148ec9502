"""Files and services to observations and features."""
