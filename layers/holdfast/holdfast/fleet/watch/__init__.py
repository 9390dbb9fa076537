"""Every hour: how old the newest good backup of each resource is, and whether every run came that was due."""
