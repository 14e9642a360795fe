"""``python -m notifier.sandbox``."""

import sys
from importlib.util import find_spec

if __name__ == "__main__":
    # says itself what notifier.extras says elsewhere: the sandbox shares no code with the rest
    if find_spec("tornado") is None:
        sys.exit("the sandbox needs the extra [demo]: pip install 'celery-discord-notifier[demo]'")
    from notifier.sandbox.command import sandbox

    sandbox(prog_name="python -m notifier.sandbox")
