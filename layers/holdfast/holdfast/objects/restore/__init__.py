"""Bring back what was copied: an object, a prefix as it was, or what was deleted."""
