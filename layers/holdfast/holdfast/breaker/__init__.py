"""One shared budget on deletion: a cleaner that wants too much is stopped until a person resumes it."""
