"""Tests of scores, standings and what is published."""
