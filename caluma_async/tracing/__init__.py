"""Spans for OpenTelemetry: of requests, verbs and deliveries. Nothing else knows of it, and it decides nothing."""
