"""``python -m realnvp`` is the command ``realnvp``."""

from realnvp.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
