"""Readers of the journal that tell the world: FIX here, SQL and MQTT in their own process."""
