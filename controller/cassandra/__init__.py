"""Cassandra nodes, as seen through Jolokia."""
