"""What is due, the plan of runs that does it, what was tried, and how old the prices are."""
