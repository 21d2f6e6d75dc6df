"""Hostile input: every parser and every door, on inputs that nobody meant.

`make fuzz` runs all targets, guided by coverage (atheris); `make fuzz TARGET=mail SECONDS=600` one of them for longer.
Each file here holds targets of one kind; `target.py` says what one is. `tests/test_fuzzing.py` runs a few hundred
inputs of each, and all that was ever found.
"""
