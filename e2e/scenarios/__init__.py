"""Stories of users, each run from the outside on a real cluster."""
