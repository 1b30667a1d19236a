"""The operator at work, step by step: in a simulated cluster, or on a real one."""
