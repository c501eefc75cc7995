"""Receivers that a measured server registers, one module a kind."""
