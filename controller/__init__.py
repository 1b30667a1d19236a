"""CassKop: a Kubernetes operator for Apache Cassandra."""

__version__ = "0.1.0"
