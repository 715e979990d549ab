"""FIX 4.4 session layer, usable without the venue."""
