"""What each context publishes: its events and data transfer objects, and nothing else."""
