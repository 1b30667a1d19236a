"""
A simulated Cassandra: nodes, the gossip between them, their data, and the Jolokia agent of each.

It is a model of what an operator can see and do from outside, in simulated time: the same seed gives
the same history. It holds no rows and answers no CQL. What it knows of real nodes was measured on
Cassandra 4.1.10 and 5.0.9; where 4.0.19 was not asked it follows 4.1.
"""
