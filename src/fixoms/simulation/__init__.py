"""A simulator that tries to break the venue: real code, simulated clock, network and disk."""
