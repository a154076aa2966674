"""What intelligence does."""
