"""Data: toy sets of known density, tables, batches."""

from realnvp.data.toy import TOYS, Toy, toy

__all__ = ["TOYS", "Toy", "toy"]
