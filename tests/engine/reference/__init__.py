"""A second opinion on the engine: a slow venue written from the rules alone, and its tests."""
