"""Values and decisions. Nothing here does I/O, waits, or reads a clock."""
