"""A local Discord: the webhook half of its API, its limits and its errors, and a page that shows what arrived.

Written from Discord's documentation alone. It shares no code with the client that is tested against it: a mistake
both made would pass every test.
"""
