"""EC2, RDS and S3 on schedules: verified, restorable, accounted for."""
