"""Receiver modules as sites of Caluma have them: they know nothing of this package. Tests import them unchanged."""
