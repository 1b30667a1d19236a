"""
What an API server must do, as tests: one fact a test, stated in its docstring.

They run over HTTP against simkube by default, and with `--cluster=real` against the API server of
KUBECONFIG or else of the local cluster, which is brought up if need be. A fact that fails on the real one
is corrected or deleted; simkube has no behaviour without a fact.

Every fact works in a namespace of its own, with generated names, so that facts can run side by side
and on a cluster that does other things too. They need the controller manager's garbage collector and
namespace controller, no kubelet and no scheduler.
"""
