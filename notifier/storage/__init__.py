"""Redis: where it is, how to talk to it, every key name."""
