"""The crash harness: runs that are killed, starved of disk, or robbed of files, and run again."""
