"""Tests of what is due, the plan, attempts, freshness."""
