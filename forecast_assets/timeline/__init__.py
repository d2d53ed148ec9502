"""Histories, windows, sessions and what came after."""
