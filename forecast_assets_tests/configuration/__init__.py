"""Tests of the configuration file, a section a file."""
