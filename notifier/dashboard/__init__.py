"""Flower on this application: its login and defaults, and what an alert waits for. Only Flower needs it."""
