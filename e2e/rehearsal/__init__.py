"""Changes played to their end on a model of a cluster that is there: `kubectl casskop simulate`."""
