"""Tests of files and services to observations and features."""
