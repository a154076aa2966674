"""What the privacy context does: exports, erasures of people, the erasure of a tenant."""
