"""Spark beside an engine: Delta tables in its catalog, and models that its sessions save."""
