"""Stories of users, each run from the outside: on the simulator, and on a real cluster."""
