"""The command ``realnvp``; each subcommand imports what it needs when it runs."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command: exit code 0, or 2 with one sentence on stderr."""
    from realnvp.cli.app import app
    from realnvp.errors import InputError

    try:
        app()
    except InputError as error:
        _fail(str(error))
    except BrokenPipeError:
        _fail("the reader of the output closed it")
    except OSError as error:
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}")
    except MemoryError:
        _fail("there is not enough memory for this: use fewer rows, or a smaller width")
    except KeyboardInterrupt:
        _fail("interrupted: nothing was saved")


def _fail(sentence: str) -> None:
    sys.stderr.write(f"realnvp: {sentence}\n")
    raise SystemExit(2)
