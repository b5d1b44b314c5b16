"""Runs a program before a terminal of its own, for those that will not do without one. Ends as the program ends."""

import os
import pty
import sys


def main() -> int:
    os.environ.update(TERM="xterm", LINES="40", COLUMNS="100")
    return os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:]))


sys.exit(main())
