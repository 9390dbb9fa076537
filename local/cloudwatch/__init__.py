"""CloudWatch for the local engine: metric filters, embedded metrics and alarms, through public AWS APIs only.

The engine stores log events, metric filters and alarms, but never runs a filter and never lets an alarm age.
`python -m local.cloudwatch --endpoint URL` runs beside it and does both. The rules it follows and their limits are
in docs/explanation/alarms-locally.md.
"""
