"""From the bytes of a file to columns whose text has one meaning."""
