"""
Container images without a registry: built here, kept under the cache folder, loaded into nodes.

``python -m e2e.images build pause|cassandra|operator|all`` builds what is not there yet.
"""
