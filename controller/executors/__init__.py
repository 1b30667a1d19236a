"""Carry out actions; the only place where a decision meets the world."""
