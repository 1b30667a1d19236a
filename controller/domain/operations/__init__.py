"""
Operations on single nodes.

`kinds` is the closed set of them and how labels name them, `limits` how many run at a time, `pods` what a
pod says, `seen` what else is known. What may begin and what becomes of it is decided in `plan.operate`.

How another part of the domain has an operation done on many nodes: in the status that it makes, by
`operations_due.ask(status, "upgradesstables", now, dc=None)`. That is one write with what it follows from;
`plan.autopilot` labels each pod when the ring is at rest, `ToDo` with `spec.autoPilot` and `Manual`
without, and forgets it once it is over, or left to the user, on every pod. On one node: yield a
`MarkOperation` with the labels that a user would set. Either way limits, words, and what becomes of it are
those of a user's label.

How a new operation is added: a class in `kinds` (mypy names what it lacks), its method of Cassandra in
`seen.METHODS`, its limit, and its calls in `controller/cassandra/work.py`. What else
a removal needs, before and after its call, is in `plan.remove`.
"""
