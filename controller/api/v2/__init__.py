"""Version v2 of the `db.orange.com` API, with CassKop's JSON names."""
