"""What the audit context does: keep every deed, seal them, and show them."""
