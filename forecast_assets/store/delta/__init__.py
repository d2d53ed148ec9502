"""The engine that keeps the tables as Delta Lake, in a folder or on S3, for several machines."""
