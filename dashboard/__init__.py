"""What the CloudWatch dashboard of a stack shows: `widgets.toml`, and how it becomes a resource of the template."""
