"""The envelopes in which AWS delivers events: parsed once, here, into the words of a system."""
