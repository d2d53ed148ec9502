"""The configuration file, a section a file."""
