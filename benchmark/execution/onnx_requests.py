"""What workers are asked about graphs of runs."""

from benchmark.execution.converting import Convert
from benchmark.execution.proving import Prove

Onnx = Convert | Prove
