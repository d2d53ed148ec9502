"""The record: whether all rows of the tables are as they were written, and what mends damage."""
