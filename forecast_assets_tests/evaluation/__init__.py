"""Tests of scores and what they say of models."""
