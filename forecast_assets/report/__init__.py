"""The page, its plots, and a fan in a terminal."""
