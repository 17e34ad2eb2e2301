"""The script beside an exported graph: prepares a film of 8 bits as the run did, and prints what the graph says.

It needs OpenCV, NumPy and ONNX Runtime, and nothing of this program.
"""

from collections.abc import Sequence

from benchmark.tasks.schema import Images

TEXT = '''\
"""What model.onnx says of films of 8 bits: python predict.py FILM...  Not for diagnosis; no DICOM, no 16 bits."""
import sys
import cv2, numpy as np, onnxruntime
SIZE, CLASSES = {size}, {classes}
graph = onnxruntime.InferenceSession(f"{{sys.path[0]}}/model.onnx")
print("film", "decision", *CLASSES, sep="\\t")
for name in sys.argv[1:]:
    film = cv2.imread(name, cv2.IMREAD_ANYDEPTH)  # grey, 0 black
    if film is None or film.dtype != np.uint8 or film.min() == film.max():
        sys.exit(f"{{name}}: expected a film of 8 bits that OpenCV reads and that shows something")
{fit}
    shrinks = min(film.shape[0] / high, film.shape[1] / wide) > 1.25
    film = cv2.resize(film, (wide, high), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    top, left = (SIZE - high) // 2, (SIZE - wide) // 2
    place = np.s_[0, top : top + high, left : left + wide]
    image, frame = np.zeros((1, SIZE, SIZE), np.uint8), np.zeros((1, SIZE, SIZE), bool)
    image[place], frame[place] = {equalised}, True
    mask, probabilities, logits, decided = graph.run(None, {{"image": image, "frame": frame}})
    print(name, CLASSES[decided[0]], *(f"{{p:.6f}}" for p in probabilities[0]), sep="\\t")
'''
FITS = {
    "pad": "    high, wide = (max(1, round(side * SIZE / max(film.shape))) for side in film.shape)  # bars beside it",
    "stretch": "    high, wide = SIZE, SIZE",
    "crop": (
        "    side, top, left = min(film.shape), *((length - min(film.shape)) // 2 for length in film.shape)\n"
        "    film, high, wide = film[top : top + side, left : left + side], SIZE, SIZE  # the square in its middle"
    ),
}
EQUALISED = {
    "histogram": "cv2.equalizeHist(film)",
    "clahe": "cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(film)",
    "none": "film",
}


def script(images: Images, classes: Sequence[str]) -> str:
    """The text of the script for a run's preparation; names of classes are literals, whatever they hold."""
    how = {"fit": FITS[images.fit], "equalised": EQUALISED[images.equalise]}
    return TEXT.format(size=int(images.size), classes=ascii([str(name) for name in classes]), **how)
