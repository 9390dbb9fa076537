"""Bring back what was archived: a table as it was, in a new table or in place; and take that back."""
