"""The reference of the command ``realnvp``: what it says itself, in the place of ``<!-- commands -->``."""

from typer.testing import CliRunner

from realnvp.cli.app import app

__all__ = ["on_page_markdown", "reference"]

_PLACE = "<!-- commands -->"


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill in the reference where a page asks for it."""
    return markdown.replace(_PLACE, reference()) if _PLACE in markdown else markdown


def reference() -> str:
    """The help of the command and of each of its subcommands."""
    names = [command.callback.__name__ for command in app.registered_commands if command.callback]
    return "\n\n".join([f"```text\n{_help()}```", *(f"## realnvp {n}\n\n```text\n{_help(n)}```" for n in names)])


def _help(*words: str) -> str:
    """The text of ``realnvp … --help``."""
    told = CliRunner().invoke(app, [*words, "--help"], prog_name="realnvp")
    if told.exit_code:
        raise RuntimeError(f"realnvp {' '.join(words)} --help ended with {told.exit_code}: {told.output}")
    return told.output
