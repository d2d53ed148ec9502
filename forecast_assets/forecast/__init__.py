"""Fitting the models of a window, and drawing the paths of its forecasts."""
