"""Columns that are not real numbers spread smoothly: what they are, and their code for a flow."""

from realnvp.data.columns.codec import Codec
from realnvp.data.columns.column import Column
from realnvp.data.columns.edges import Edges, check_edges
from realnvp.data.columns.frame import Labels, coded, is_frame, labels_of, with_labels
from realnvp.data.columns.learn import edges_of, kinds_of, learn, learn_holed

__all__ = [
    "Codec",
    "Column",
    "Edges",
    "Labels",
    "check_edges",
    "coded",
    "edges_of",
    "is_frame",
    "kinds_of",
    "labels_of",
    "learn",
    "learn_holed",
    "with_labels",
]
