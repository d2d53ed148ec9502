"""What is due, the plan, attempts, freshness."""
