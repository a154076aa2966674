"""Mechanics that every room shares. It knows no domain: no word of scans, findings or reports stands here."""
