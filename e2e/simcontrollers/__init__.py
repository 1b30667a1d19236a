"""
Simulated controllers: what kube-controller-manager, the scheduler and the kubelets do for Cassandra.

They are clients of an API server through `controller.kube.transport.Transport` and know nothing of how it
is made; so they run on the simulated server as well as on a real one that has no controllers of its own.
All time comes from a `Simulation`. What they do not do: Services and endpoints, resources and quotas,
pod priorities, anything but StatefulSets above pods.
"""
