"""Posts alerts one after another with a published client for Discord, for so long; prints what it took, as JSON."""

import json
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator

import requests

Post = Callable[[str], object]


def discord_py(api: str, path: str) -> Iterator[Post]:
    """With a SyncWebhook; it believes that the sandbox is discord.com."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # audioop, which leaves Python with 3.13
        import discord
    discord.http.Route.BASE = api
    with requests.Session() as session:
        webhook = discord.SyncWebhook.from_url(f"https://discord.com/api/webhooks/{path}", session=session)
        yield lambda title: webhook.send(embed=discord.Embed(title=title), wait=True)


def python_discord_webhook(api: str, path: str) -> Iterator[Post]:
    """With its own waiting for rate limits.

    It takes the URL as it is given. One without a version is API v6, which says in milliseconds how long to wait
    (reference.mdx, change-log.mdx): it would sleep a thousand times as long.
    """
    import discord_webhook

    def post(title: str) -> None:
        webhook = discord_webhook.DiscordWebhook(url=f"{api}/webhooks/{path}", rate_limit_retry=True)
        webhook.add_embed(discord_webhook.DiscordEmbed(title=title))
        webhook.execute()

    yield post


CLIENTS = {"discord.py": discord_py, "python-discord-webhook": python_discord_webhook}


class Stopped(BaseException):
    """It has taken too long."""


def stop(*_: object) -> None:
    """Wherever it is: it may sleep for long."""
    raise Stopped


def main(client: str, api: str, path: str, count: int, within: float) -> None:
    """What has not been posted within so many seconds is not posted."""
    signal.signal(signal.SIGALRM, stop)
    start, posted = time.monotonic(), 0
    try:
        for post in CLIENTS[client](api, path):
            signal.setitimer(signal.ITIMER_REAL, within)
            while posted < count:
                post(f"Alert {posted}")
                posted += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Stopped:
        pass
    print(json.dumps({"seconds": time.monotonic() - start, "posted": posted}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
