"""From a spec to the Kubernetes objects that carry it out; pure functions."""
