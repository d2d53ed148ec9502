"""The report's page, its plots, and the drawing of a forecast in a terminal."""
