"""Between FIX sessions and the engine: translation, sequencing, the operator's socket."""
