"""Rendering: messages to payloads within Discord's limits. Pure."""
