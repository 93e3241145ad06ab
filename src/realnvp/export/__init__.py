"""A trained flow as a program: by ``torch.export``, as ONNX, and as machine code."""

from realnvp.export.graph import Recorded, recorded
from realnvp.export.machine import Compiled, compiled, load_compiled
from realnvp.export.onnx_files import onnx
from realnvp.export.programs import NAMES, programs

__all__ = ["NAMES", "Compiled", "Recorded", "compiled", "load_compiled", "onnx", "programs", "recorded"]
