"""Figures against a floor or a bar, measured in one run, printed as JSON lines. See README.md."""
