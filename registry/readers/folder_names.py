"""What the name of a folder says of the images below it: a part, images, masks, a label; or nothing that is read."""

import re
from collections.abc import Collection
from itertools import chain

PART_WORDS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}

_SYSTEM = {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "__pycache__"}
_SYSTEM_FILES = {"thumbs.db", "desktop.ini", "ehthumbs.db"}
_MASKS = {
    "mask", "masks", "segmentation", "segmentations", "seg", "segs", "annotation", "annotations", "gt", "groundtruth",
}  # fmt: skip
_LUNGS = {"lung", "lungs", "manual", "ground", "truth", "truths", "binary", "predicted", "unet"}
_ORGANS = {
    "heart", "hearts", "clavicle", "clavicles", "rib", "ribs", "bone", "bones", "spine", "trachea", "aorta",
}  # fmt: skip
_FINDINGS = {"infection", "infections", "lesion", "lesions"}
_IMAGES = {
    "image", "images", "img", "imgs", "picture", "pictures", "cxr", "cxrs", "xray", "xrays", "radiograph",
    "radiographs", "film", "films", "scan", "scans", "frames", "data", "dataset", "database",
    "png", "pngs", "jpg", "jpeg", "jpgs", "jpegs", "dcm", "dicom", "dicoms", "tif", "tiff", "bmp", "pgm", "jp2",
}  # fmt: skip
_AROUND = {  # say nothing alone, and nothing more beside a word of the others
    "chest", "stage", "set", "sets", "subset", "all", "file", "files", "folder", "the", "of",
    "resized", "original", "originals", "raw", "new", "final", "version", "v", "input", "inputs", "px",
}  # fmt: skip
_DIAGNOSES = {
    "normal", "abnormal", "healthy", "control", "controls", "negative", "positive", "covid", "sars", "pneumonia",
    "viral", "virus", "bacterial", "bacteria", "tb", "tuberculosis", "opacity", "effusion", "cardiomegaly",
    "atelectasis", "consolidation", "edema", "emphysema", "fibrosis", "hernia", "infiltration", "mass", "nodule",
    "pneumothorax", "cancer", "sick", "disease", "diseased",
}  # fmt: skip
_NUMBERED = {  # fold1, part_2
    "part", "batch", "fold", "split", "volume", "vol", "chunk", "archive", "images", "folder", "dir", "set", "disk",
}  # fmt: skip
_CONTAINERS = {"split", "splits", "folds", "parts", "batches", "patients", "subjects"}
_PERSONAL = (
    "patient|patients|pat|person|subject|subj|sub|case|study|series|exam|visit|scan|session|ses|accession|"
    "image|img|film|view|p|s|id|pid"
)
_KNOWN = {*PART_WORDS, *SIDES, *_MASKS, *_LUNGS, *_ORGANS, *_FINDINGS, *_IMAGES, *_AROUND, *_NUMBERED, *_CONTAINERS}
_RUN = re.compile(r"[^\W\d_]+|\d+")  # of letters or of digits
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+")  # leftMask
_NUMBER_OF_ONE = re.compile(
    rf"(?:{_PERSONAL})[ _.-]*[a-z]?\d+|\d{{3,}}|[0-9a-f]{{8}}[0-9a-f-]*|\d+(?:\.\d+){{2,}}|\d{{4}}-\d\d-\d\d",
    re.IGNORECASE,
)


def words(name: str) -> list[str]:
    """The words and numbers in a name, in lower case: ``leftMask`` is left, mask; ``X-Ray`` is xray."""
    runs = _RUN.findall(re.sub(r"(?i)x[ _-]?(rays?)(?![a-z])", r" x\1 ", name))
    humps = [[run] if run.lower() in _KNOWN else _HUMP.findall(run) for run in runs]
    return [part for word in chain.from_iterable(humps) for part in _compound(word.lower())]


def _compound(word: str) -> list[str]:
    """The two known words that a word is made of, as ``lungmasks``; else the word."""
    places = range(3, len(word) - 2) if word not in _KNOWN else ()
    return next(([word[:at], word[at:]] for at in places if word[:at] in _KNOWN and word[at:] in _KNOWN), [word])


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden by its name."""
    return name.startswith(".")


def is_system(name: str) -> bool:
    """Whether an operating system, an archiver or an interpreter made a file or folder for itself."""
    return name.lower() in _SYSTEM | _SYSTEM_FILES or name.startswith("__")


def part(name: str) -> str | None:
    """The part that a folder called ``train``, ``Validation`` or ``test_images`` is; None of any other."""
    found = [PART_WORDS[word] for word in words(name) if word in PART_WORDS]
    rest = [word for word in words(name) if word not in PART_WORDS and not word.isdecimal()]
    return found[0] if found and _only(rest, _IMAGES | _AROUND | _MASKS | _LUNGS | _CONTAINERS) else None


def holds_masks(name: str) -> bool:
    """Whether a folder is called like one of lung masks: ``masks``, ``lung masks``, ``leftMask``, ``train_masks``."""
    said = set(words(name))
    lungs = _MASKS | _LUNGS | _IMAGES | _AROUND | SIDES.keys() | PART_WORDS.keys()
    return _says_masks(said) and _only(said, lungs)


def holds_other_masks(name: str) -> bool:
    """Whether a folder is called like one of masks of something else: ``infection masks``."""
    said = set(words(name))
    return _says_masks(said) and not holds_masks(name)


def _says_masks(said: Collection[str]) -> bool:
    """Whether one of the words, or ``ground`` and ``truth``, is one for masks."""
    return bool(_MASKS.intersection(said)) or ("ground" in said and bool({"truth", "truths"}.intersection(said)))


def masks_of(name: str) -> str:
    """What a folder of masks is called besides that: ``Normal`` of ``Normal_masks``; empty where nothing."""
    if holds_masks(name) or not set(words(name)) & _MASKS:
        return ""
    rest = re.sub(
        rf"(?i)(?:^|[ _.-]+)(?:lung[ _.-]*)?(?:{'|'.join(sorted(_MASKS, key=len, reverse=True))})(?![a-z])", " ", name
    )
    return rest.strip(" _.-")


def is_annotation(name: str) -> bool:
    """Whether what lies in a folder may be masks or anything else that was drawn or written down."""
    return bool({"annotation", "annotations"} & set(words(name)))


def is_organ(name: str) -> bool:
    """Whether a name has an organ in it that is no lung."""
    return bool(_ORGANS & set(words(name)))


def is_other_organ(name: str) -> bool:
    """Whether a folder among masks is one of something that is no lung."""
    return bool((_ORGANS | _FINDINGS) & set(words(name)))


def side(name: str) -> str:
    """``left`` or ``right`` of a folder of masks that is called so; empty of any other."""
    said = words(name)
    found = {SIDES[word] for word in said if word in SIDES}
    return found.pop() if len(found) == 1 and _only(said, SIDES.keys() | _MASKS | _LUNGS) else ""


def holds_images(name: str) -> bool:
    """Whether a folder's name says only that images are in it: ``images``, ``images_001``, ``CXR_png``, ``data``."""
    said = [word for word in words(name) if len(word) > 1 or word.isdecimal()]  # images_a, images_b
    return bool(set(said) & _IMAGES) and _only(said, _IMAGES | _AROUND | _NUMBERED)


def says_images(name: str) -> bool:
    """Whether a folder is called so to tell it from one of masks."""
    return holds_images(name) and bool({"image", "images", "img", "imgs"} & set(words(name)))


def is_plain(name: str) -> bool:
    """Whether a folder says nothing of the label of what is in it."""
    said = words(name)
    numbered = any(word in _NUMBERED for word in said) and _only(said, _NUMBERED | _AROUND)
    contains = bool(said) and (said[0].isalpha() and (len(said) > 1 or said[0] in _CONTAINERS))
    return holds_images(name) or (numbered and contains) or (bool(said) and set(said) <= _CONTAINERS)


def names_one(name: str) -> bool:
    """Whether a folder is called like one patient, study or number of many, which no label is."""
    return _NUMBER_OF_ONE.fullmatch(name.strip()) is not None


def is_finding(name: str) -> bool:
    """Whether a folder is called like a diagnosis or a finding of a chest X-ray."""
    return bool(_DIAGNOSES & set(words(name)))


def _only(said: Collection[str], known: Collection[str]) -> bool:
    """Whether all that is said are known words or numbers."""
    return all(word in known or word.isdecimal() for word in said)
