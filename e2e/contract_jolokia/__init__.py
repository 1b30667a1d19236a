"""
What a Cassandra node answers over Jolokia: facts that hold for a real ring and for the simulated one.

They only look, or leave things as they found them: any ring of three may be asked. Those in
`test_jolokia_leaving.py` have a ring of their own.
"""
