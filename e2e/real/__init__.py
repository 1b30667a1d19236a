"""What only a real cluster can show: CQL, kubectl's output, logs, metrics and logins over the network."""
