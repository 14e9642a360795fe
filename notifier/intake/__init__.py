"""Alerts from programs that can only post to a web address."""
