"""`python -m lifecycle`: the command line without an installed script."""

from lifecycle.cli import main

if __name__ == "__main__":
    main()
