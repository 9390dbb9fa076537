"""Which backups are kept, which go, and why one that should be gone is still here."""
