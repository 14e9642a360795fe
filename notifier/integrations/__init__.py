"""What raises alerts by itself: hooks into other libraries, each of which works without the others."""
