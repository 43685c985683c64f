"""What is recorded on a database server: slow to start, so only where it is named."""
