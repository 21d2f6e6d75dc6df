"""`python -m aggregator`."""

from aggregator.cli import main

if __name__ == "__main__":  # a worker of an import loads this module, too
    main()
