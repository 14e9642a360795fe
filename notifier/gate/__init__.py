"""The gate: whether a request to a webhook may go now."""
