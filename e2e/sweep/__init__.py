"""Every story under every fault at every point, with invariants checked after each simulated step."""
