"""What collection does: scans wave by wave, and the modules that a tenant writes as templates."""
