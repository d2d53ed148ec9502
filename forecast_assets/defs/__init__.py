"""All code that uses Dagster: assets, checks, jobs, sensors, schedules, resources, IO managers."""
