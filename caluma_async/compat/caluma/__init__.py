"""What `import caluma` gives: its packages, as far as they are mirrored here."""

__all__: list[str] = []
