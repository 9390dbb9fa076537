"""The warehouse system: incremental backup of Delta Lake tables from S3 Inventory, and safe deletion by tags."""
