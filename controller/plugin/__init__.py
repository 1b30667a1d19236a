"""
`kubectl casskop`: what people ask of clusters, and what they start on them.

It runs where kubectl runs, with kubectl's own connection and rights, and has no other. It knows nothing that
an API server does not tell it, and writes nothing but what a user may write: labels of pods, fields of a
`spec`, annotations. What it says the operator will do, it has from the operator's own code.
"""
