"""The command ``realnvp``; each subcommand imports what it needs when it runs."""

__all__ = ["main"]


def main() -> None:
    """Run the command: exit code 0, or 2 with one sentence on stderr."""
    from realnvp.cli.app import app

    app(prog_name="realnvp")  # under python -m too: the shell completes that name
