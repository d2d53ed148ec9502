"""Tests of the page, its plots, and a fan in a terminal."""
