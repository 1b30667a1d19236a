"""The machinery of a controller; it knows nothing of Cassandra."""
