"""Who is told when something fails: one message a run, failures at once, nothing twice."""
