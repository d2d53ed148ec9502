"""Training and drawing of windows."""
