"""Words that the command and the reports share."""

from collections.abc import Sequence

__all__ = ["alike", "in_words", "many"]


def many(count: int, what: str) -> str:
    """Say how many: "1 row", "2,000 rows"."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def alike(parts: Sequence[str]) -> str:
    """Say each part once, and how many flows of it there are."""
    return "; ".join(f"{parts.count(part)} flows of " * (parts.count(part) > 1) + part for part in dict.fromkeys(parts))


def in_words(shape: dict) -> str:
    """Say what a density of a table is made of."""
    if "members" in shape:
        parts = [in_words({k: v for k, v in part.items() if k != "members"}) for part in shape["members"]]
        return f"{len(parts)} densities mixed: {alike(parts)}"
    if shape["kernel"] == "none":
        one = "a normal" + " around a line" * bool(shape["context"])
        return one if shape["components"] == 1 else f"a mixture of {shape['components']} normals"
    bent = "columns bent, then " if shape.get("marginals") else ""
    return f"{bent}{shape['layers']} {shape['kernel']} couplings of width {shape['width']}, {shape['base']} base"
