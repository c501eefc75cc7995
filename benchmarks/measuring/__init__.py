"""What the engine does in one process, a module a question. Each runs in a process of its own, on a fresh database."""
