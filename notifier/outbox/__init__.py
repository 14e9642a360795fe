"""The outbox: notifications that wait, in order, in Redis."""
