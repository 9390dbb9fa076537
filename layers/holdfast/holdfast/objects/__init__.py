"""Every object gets a timestamped copy; copies of deleted objects are disowned, and removed only after a delay."""
