"""A trained flow as a program that needs no realnvp: by ``torch.export``, and as ONNX."""

from realnvp.export.onnx_files import onnx
from realnvp.export.programs import NAMES, programs

__all__ = ["NAMES", "onnx", "programs"]
