"""More rows than memory, more than one process."""
