"""Histories of closes, windows and their origins, sessions, and outcomes of forecasts."""
