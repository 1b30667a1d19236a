"""What runs in a Cassandra pod before Cassandra: configuration and preparation."""
