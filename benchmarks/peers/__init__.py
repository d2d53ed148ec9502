"""The same job done with the libraries that a user would pick instead."""
