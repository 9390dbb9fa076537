"""Keeps, proves and restores what a team has in S3, DynamoDB, EC2 and RDS."""
