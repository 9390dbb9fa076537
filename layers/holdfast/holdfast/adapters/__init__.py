"""The only importers of boto3: one module for each AWS service, and the twins that keep everything in memory."""
