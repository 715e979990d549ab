"""Readers of the journal that tell the world: FIX reports here, SQL and MQTT in their own process."""
