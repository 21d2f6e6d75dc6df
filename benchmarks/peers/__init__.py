"""The same posts through other loaders, in one run. See benchmarks/README.md."""
