"""A process, and its child, write to one log file: ``log_writer.py FILE MAX_BYTES FILES_KEPT NAME LINES``."""

import logging
import os
import sys
from pathlib import Path

from notifier.worker.log_file import SharedLogFile

path, (max_bytes, kept), (name, lines) = Path(sys.argv[1]), map(int, sys.argv[2:4]), sys.argv[4:]
handler = SharedLogFile(path, max_bytes, kept)
logger = logging.getLogger("writer")
logger.setLevel(logging.INFO)
logger.addHandler(handler)
child = os.fork()  # as a pool's: it inherits the handler
for number in range(int(lines)):
    logger.info("%s %s %d ÿ", name, "parent" if child else "child", number)
if child:
    sys.exit(os.waitpid(child, 0)[1])
