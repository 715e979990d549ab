"""The journal: everything that happened, in order, on disk before anyone is told."""
