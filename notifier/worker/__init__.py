"""What a worker does with an outbox: deliver, announce, sweep, report its own troubles."""
