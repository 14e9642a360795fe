"""The key names that tests look up."""

from notifier.storage.keys import Keys

names = Keys()
