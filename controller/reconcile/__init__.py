"""Observe, plan, act, finish: the loop for one key."""
