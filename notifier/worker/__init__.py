"""What a worker does: deliver, announce, sweep, report the pipeline's own troubles."""
