"""What workers are asked about ONNX files."""

from benchmark.execution.converting import Convert
from benchmark.execution.inferring import Infer
from benchmark.execution.proving import Prove

Onnx = Convert | Infer | Prove
