"""Tests of what is due, of attempts, and of what waits for a word."""
