"""Scale: ``python -m bench.scale [PART …] [options of the parts]`` runs the parts named, by default all of them.

python -m bench.scale stream --help
"""

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import bench.scale

__all__ = ["main"]

PARTS = [
    found.name for found in pkgutil.iter_modules(bench.scale.__path__) if found.name in ("world", "stream", "kills")
]


def main(given: Sequence[str] | None = None) -> None:
    """Run the parts named at the beginning with the options behind them."""
    words = list(sys.argv[1:] if given is None else given)
    named = []
    while words and words[0] in PARTS:
        named.append(words.pop(0))
    if words and not words[0].startswith("-"):
        raise SystemExit(f"{words[0]} is none of {', '.join(PARTS)}")
    for part in named or PARTS:
        importlib.import_module(f"bench.scale.{part}").main(words)


if __name__ == "__main__":
    main()
