"""A bucket's running size, the history of it, and the eviction of the largest object when it grows too big."""
