"""Hostile input as data: what is given, and what the product promises to say of it."""
