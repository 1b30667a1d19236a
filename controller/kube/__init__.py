"""The Kubernetes API, in about ten methods."""
