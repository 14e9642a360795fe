"""Posts alerts one after another with a published client for Discord; prints how long it took, as JSON."""

import json
import sys
import time
import warnings

import requests


def discord_py(api: str, url: str, count: int) -> None:
    """With a SyncWebhook; it believes that the sandbox is discord.com."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # audioop, which leaves Python with 3.13
        import discord
    discord.http.Route.BASE = api
    as_discord = f"https://discord.com/api/webhooks/{'/'.join(url.split('/')[-2:])}"
    with requests.Session() as session:
        webhook = discord.SyncWebhook.from_url(as_discord, session=session)
        for number in range(count):
            webhook.send(embed=discord.Embed(title=f"Alert {number}"), wait=True)


def python_discord_webhook(api: str, url: str, count: int) -> None:
    """With its own waiting for rate limits."""
    import discord_webhook

    for number in range(count):
        webhook = discord_webhook.DiscordWebhook(url=url, rate_limit_retry=True)
        webhook.add_embed(discord_webhook.DiscordEmbed(title=f"Alert {number}"))
        webhook.execute()


CLIENTS = {"discord.py": discord_py, "python-discord-webhook": python_discord_webhook}

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    start = time.monotonic()
    CLIENTS[given.pop("client")](**given)
    print(json.dumps({"seconds": time.monotonic() - start}))
