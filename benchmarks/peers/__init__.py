"""What we are measured against. Each runs in a process of its own, on a fresh database, and prints figures as JSON."""
