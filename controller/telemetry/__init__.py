"""Logs, metrics and health, as an operator of the operator sees them."""
