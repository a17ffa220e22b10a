"""Readers of harness files, and metrics of our own. Files are parsed; no harness is imported."""
