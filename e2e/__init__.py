"""End-to-end tests: a real Kubernetes, real Cassandra images, and a simulation of both."""
