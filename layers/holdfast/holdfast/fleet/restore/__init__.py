"""Restores of the fleet's resources: what is asked of AWS, in which order, and whether it is what was backed up."""
