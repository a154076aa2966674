"""What identity does: log-ins and sessions through the directory, the people of a tenant, the claims of tokens."""
