"""
A real Kubernetes cluster of three nodes on one Linux machine, without Docker or any registry.

``python -m e2e.cluster up`` starts it, ``down`` removes every trace of it. Tests import
:mod:`e2e.cluster.local` to find it and to hurt its nodes. It promises a cluster with the
interfaces, RBAC, scheduling, storage and networking of Kubernetes itself; it does not promise
isolation between nodes beyond their network, their processes' cgroups and their volumes' folders:
they share one kernel, its memory and its disk.
"""
