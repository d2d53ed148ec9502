"""Tests of histories, sessions and outcomes."""
