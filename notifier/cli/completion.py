"""``notifier completion``: what a shell asks to complete a command, and where the answers come from."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import get_completion_class

from notifier.cli.echo import echo_as_is

if TYPE_CHECKING:
    import redis

    from notifier.storage.keys import Keys

TIMEOUT_SECONDS = 1
"""Ours: whoever presses Tab waits no longer for Redis."""
OFFERED_MAX = 50
"""Ours: newest ids of each type."""
SHELLS = ("bash", "zsh", "fish")
Find = Callable[["redis.Redis", "Keys"], Any]
"""What it gives is a list of texts, which the published types of redis-py do not know."""


@click.command()
@click.argument("shell", metavar="|".join(SHELLS), type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options, types of alerts, ids and names: docs/cli.md.

    \b
    Examples:
      eval "$(notifier completion bash)"        # in ~/.bashrc
      eval "$(notifier completion zsh)"         # in ~/.zshrc
      notifier completion fish | source         # in config.fish

    Exit code: 0.
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"this version of click knows no {shell}")
    # as its source(), which would first run the shell to see its version
    script = found(ctx.find_root().command, {}, "notifier", "_NOTIFIER_COMPLETE")
    echo_as_is((script.source_template % script.source_vars()).strip())


def _offer(find: Callable[[], Iterable[str]], _: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Those that begin so. A name with a blank is not offered: a shell would take it for two."""
    try:
        return [each for each in find() if each.startswith(incomplete) and len(each.split()) == 1]
    except Exception:  # whatever is away or wrong: the command itself will say so
        return []


def _in_redis(find: Find) -> list[str]:
    from notifier.settings import settings
    from notifier.storage.connection import connect
    from notifier.storage.keys import Keys

    client = connect(settings().redis_url.get_secret_value(), TIMEOUT_SECONDS)
    try:
        return list(dict.fromkeys(find(client, Keys(settings().key_prefix))))
    finally:
        client.close()


def _ids(places: str) -> Find:
    def find(client: "redis.Redis", keys: "Keys") -> list[str]:
        from notifier.operations import short_ids

        return short_ids.newest(client, getattr(short_ids, places)(client, keys), OFFERED_MAX)

    return find


def _open_incidents(client: "redis.Redis", keys: "Keys") -> Iterable[str]:
    from notifier.operations.incidents import incidents

    return (each.key for each in incidents(client, keys, only_open=True))


def _template_names() -> Iterable[str]:
    from notifier.templates import template_names

    return template_names()


def _of_redis(find: Find) -> Any:
    return partial(_offer, partial(_in_redis, find))


any_id, dead_id, waiting_id = (_of_redis(_ids(each)) for each in ("of_all", "of_dead_letters", "of_waiting"))
incident_key = _of_redis(_open_incidents)
silence_id = _of_redis(lambda client, keys: client.hkeys(keys.silences))
job_name = _of_redis(lambda client, keys: client.zrange(keys.jobs, 0, -1))
template_name = partial(_offer, _template_names)
