"""Tests of what models are made of."""
