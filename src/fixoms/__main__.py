"""`python -m fixoms`: the command line, for when the `fixoms` script is not on the path."""

from fixoms.cli import main

main()
