"""Tables of many Parquet files, larger than memory: opened as one, surveyed in one pass, dealt in shuffled batches."""

from realnvp.data.many.base import Group, ManyFiles
from realnvp.data.many.reader import Reader
from realnvp.data.many.survey import Survey, survey

__all__ = ["Group", "ManyFiles", "Reader", "Survey", "survey"]
