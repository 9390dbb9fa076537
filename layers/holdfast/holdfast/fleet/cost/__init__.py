"""What backups of all systems cost: today, if all stays as it is, and with another retention."""
