"""Scores of forecasts, the ranking of models by them, and the choice of what is published."""
