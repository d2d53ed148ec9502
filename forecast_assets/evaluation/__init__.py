"""Scores and what they say of models."""
