"""The whole system on one machine: the embedded AWS, what stands in for what it lacks, and the demo."""
