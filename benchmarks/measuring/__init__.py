"""What the engine does in one process, one module a question. Each is run in a process of its own, on a fresh database."""
