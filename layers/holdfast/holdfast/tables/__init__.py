"""Every change of a DynamoDB table in S3, and the table as it was at any moment."""
