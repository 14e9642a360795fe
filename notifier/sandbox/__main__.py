"""``python -m notifier.sandbox``"""

from notifier.sandbox.command import sandbox

if __name__ == "__main__":
    sandbox(prog_name="python -m notifier.sandbox")
