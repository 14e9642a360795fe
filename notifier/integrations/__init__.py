"""Hooks in the programs that people have: they raise alerts by themselves. Each imports its framework alone."""
