"""Clusters to run the operator on."""
