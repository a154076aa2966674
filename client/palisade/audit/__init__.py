"""Checking an export of the audit trail, without the platform: docs/guides/audit.md is all that it builds on."""
