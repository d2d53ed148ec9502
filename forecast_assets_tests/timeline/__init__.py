"""Tests of histories, windows, sessions and what came after."""
