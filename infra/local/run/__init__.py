"""`python -m infra.local.run [TARGET]`: the platform on this machine, and a scan of the demo or of a target."""
