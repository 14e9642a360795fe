"""Whether the templates can be used here."""

from notifier.extras import install_hint, missing
from notifier.settings import Settings


def template_problems(settings: Settings) -> dict[str, str]:
    """What is wrong, in words, by the name of the template or of the setting.

    The base installation renders none. That is wrong only where a folder of them is set.
    """
    if missing("templates"):
        wanted = settings.templates_dir is not None
        return {"NOTIFIER_TEMPLATES_DIR": install_hint("NOTIFIER_TEMPLATES_DIR", "templates")} if wanted else {}
    from notifier.templates import problems  # where there are any, Jinja is needed

    return problems(settings.templates_dir)
