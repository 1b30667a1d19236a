"""
A small Kubernetes API server in memory, for simulation and tests.

It stores objects and keeps an API server's promises about them; `e2e/contract/` states these promises
as tests that a real API server passes too. It runs no pods and schedules nothing, checks no rights,
and answers 501 with a sentence to what it lacks.
"""
