"""The building blocks of a context: its doors, its queue, its machines."""
