"""Backup and restore of one organisation: what an operator with access to the account does, and no API offers."""
