"""One stack per bounded context; each file mirrors a room in functions/."""
