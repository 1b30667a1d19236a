"""The API types: what a user writes, and what we answer in status."""
