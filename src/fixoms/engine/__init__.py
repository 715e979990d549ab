"""The engine: a deterministic state machine that decides every command into events."""
