"""What people are called for, and when that is over."""
