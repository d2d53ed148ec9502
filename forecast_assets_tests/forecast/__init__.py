"""Tests of training and drawing of windows."""
