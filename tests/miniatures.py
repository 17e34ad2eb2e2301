"""Miniatures of public chest X-ray collections: their folders, file names and tables, with drawn films in them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests import xrays

COUNT = 24  # films of most of them


def film(path: Path, number: int, *, sick: bool = False, size: int = 32) -> Path:
    """A drawn film; a sick one has a bright spot."""
    pixels = xrays.radiograph(number, (size, size)) // 2
    if sick:
        pixels[size // 4 : size // 2, size // 4 : size // 2] = 255
    return xrays.write(path, pixels)


def rows(path: Path, lines: list[str], encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding=encoding)


def nih14(root: Path) -> None:
    """Labels separated by |, films in numbered folders, boxes and lists of parts beside."""
    labels = ("No Finding", "Pneumonia", "Effusion|Pneumonia", "Effusion", "Mass|Nodule")
    lines = [
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
    ]
    boxes = ["Image Index,Finding Label,Bbox [x,y,w,h],,,"]
    for n in range(40):
        name, label = f"{n // 2:08}_{n % 2:03}.png", labels[(n // 2) % 5]
        film(root / f"images_{n % 3 + 1:03}" / "images" / name, n, sick="Pneumonia" in label)
        lines.append(f"{name},{label},{n % 2},{n // 2},058Y,{'MF'[n % 2]},{('PA', 'AP')[n % 2]},2048,2500,0.1,0.1,")
        if n < 3:
            boxes.append(f"{name},Atelectasis,225.08,547.01,86.78,79.18,,,")
    lines.append("00009999_000.png,No Finding,0,9999,033Y,M,PA,2048,2500,0.1,0.1,")
    rows(root / "Data_Entry_2017.csv", lines)
    rows(root / "BBox_List_2017.csv", boxes)
    rows(root / "train_val_list.txt", [f"{n // 2:08}_{n % 2:03}.png" for n in range(24)])
    rows(root / "test_list.txt", [f"{n // 2:08}_{n % 2:03}.png" for n in range(24, 40)])


def chexpert(root: Path) -> None:
    """A column per finding, 1, 0, -1 or blank; paths that begin above the folder."""
    header = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema,Pleural Effusion,Support Devices"
    for part, patients in (("train", range(1, 11)), ("valid", range(11, 15))):
        lines = [header]
        for patient in patients:
            for view, (place, side) in enumerate((("Frontal", "AP"), ("Lateral", "")), 1):
                path = f"{part}/patient{patient:05}/study1/view{view}_{place.lower()}.jpg"
                effusion = patient % 2 == 0
                film(root / path, 10 * patient + view, sick=effusion)
                said = ",1.0,1.0," if effusion else "1.0,,0.0,1.0"
                said = ",,-1.0," if patient == 7 else said
                lines.append(f"CheXpert-v1.0-small/{path},Female,{40 + patient},{place},{side},{said}")
        rows(root / f"{part}.csv", lines)


def ieee8023(root: Path) -> None:
    """Labels that are paths of terms, films of several kinds, rows of volumes that are not there."""
    labels = ("Pneumonia/Viral/COVID-19", "Pneumonia/Bacterial/Streptococcus", "No Finding", "Tuberculosis")
    lines = ["patientid,offset,sex,age,finding,view,modality,folder,filename,license,clinical_notes"]
    for n in range(COUNT):
        suffix = ("jpg", "png", "jpeg")[n % 3]
        film(root / "images" / f"film {n}.{suffix}", n, sick=n % 4 == 0)
        notes = '"fever, cough; ""severe"""' if n % 2 else ""
        lines.append(f"{n // 2},{n % 2},M,{50 + n},{labels[n % 4]},PA,X-ray,images,film {n}.{suffix},CC BY,{notes}")
    lines.append("98,0,F,,Pneumonia/Viral/COVID-19,Axial,CT,volumes,volume.nii.gz,CC BY,")
    lines.append("99,0,F,,todo,PA,X-ray,images,later.jpg,,")
    rows(root / "metadata.csv", lines)


def covidx(root: Path) -> None:
    """No header, blanks between patient, file, label and source, a list for each part."""
    for part, numbers in (("train", range(16)), ("test", range(16, COUNT))):
        lines = []
        for n in numbers:
            label, source = (("COVID-19", "sirm"), ("normal", "rsna"))[n % 2]
            film(root / part / f"{label}-{n}.png", n, sick=n % 2 == 0)
            lines.append(f"p{n // 2} {label}-{n}.png {label} {source}")
        rows(root / f"{part}.txt", lines)


def rsna(root: Path) -> None:
    """Two tables, one with a row for each box; films are called like patients."""
    boxes, classes = ["patientId,x,y,width,height,Target"], ["patientId,class"]
    labels = ("Lung Opacity", "Normal", "No Lung Opacity / Not Normal")
    for n in range(COUNT):
        name, label = f"{n:08x}-00cd-4f3a-9ea5-{n:012x}", labels[n % 3]
        film(root / "stage_2_train_images" / f"{name}.png", n, sick=n % 3 == 0)
        again = 2 if n % 6 == 0 else 1
        boxes += [f"{name},{at}.0,2.0,3.0,4.0,1" if n % 3 == 0 else f"{name},,,,,0" for at in range(again)]
        classes += [f"{name},{label}"] * again
    rows(root / "stage_2_train_labels.csv", boxes)
    rows(root / "stage_2_detailed_class_info.csv", classes)
    rows(root / "stage_2_sample_submission.csv", ["patientId,PredictionString", "0000,0.5 0 0 100 100"])


def padchest(root: Path) -> None:
    """Labels as a list in Python's spelling, films in numbered folders that a column names."""
    labels = (
        "['normal']",
        "['pneumonia', 'infiltrates ']",
        "['pneumonia']",
        "['cardiomegaly']",
        "['normal', 'normal']",
    )
    lines = [
        ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,ViewPosition_DICOM,"
        "Projection,Labels"
    ]
    for n in range(30):
        name = f"{n}_2014-{n}_00-102-043.png"
        film(root / str(n % 2) / name, n, sick="pneumonia" in labels[n % 5])
        lines.append(
            f'{n},{name},{n % 2},20140{n % 9 + 1}01,{n}S,{n // 2}P,1950.0,F,POSTEROANTERIOR,PA,"{labels[n % 5]}"'
        )
    rows(root / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", lines)


def vindr(root: Path) -> None:
    """A row for each of three readers, who differ; a second pair of tables has a row for each box."""
    header = "Aortic enlargement,Cardiomegaly,Pneumonia,No finding"
    for part, numbers in (("train", range(16)), ("test", range(16, COUNT))):
        labels = [f"image_id,{'rad_id,' if part == 'train' else ''}{header}"]
        boxes = ["image_id,rad_id,class_name,x_min,y_min,x_max,y_max"]
        for n in numbers:
            name = f"{n:032x}"
            film(root / part / f"{name}.png", n, sick=n % 2 == 0)
            for reader in range(3 if part == "train" else 1):
                sick = n % 2 == 0 and (reader < 2)
                cells = "0,1,1,0" if sick else "0,0,0,1"
                labels.append(f"{name},{f'R{reader},' if part == 'train' else ''}{cells}")
                boxes.append(f"{name},R{reader},{'Cardiomegaly,1,2,3,4' if sick else 'No finding,,,,'}")
        rows(root / "annotations" / f"image_labels_{part}.csv", labels)
        rows(root / "annotations" / f"annotations_{part}.csv", boxes)


def siim(root: Path) -> None:
    """Run lengths of the lesion, or -1; films in a folder of each study."""
    lines = ["ImageId, EncodedPixels"]
    for n in range(COUNT):
        name = f"1.2.276.0.7230010.3.1.4.8323329.{n}.1517875{n:06}"
        film(root / "dicom-images-train" / f"study.{n}" / f"series.{n}" / f"{name}.png", n, sick=n % 2 == 0)
        lines += [f"{name}, 557374 2 1015 8 {at}" for at in range(1 + n % 4 // 2)] if n % 2 == 0 else [f"{name}, -1"]
    rows(root / "train-rle.csv", lines)


def kermany(root: Path) -> None:
    """Parts with a folder per label in each, a copy of itself inside, and what macOS leaves."""
    place = root / "chest_xray" / "chest_xray"
    for part, numbers in (("train", range(16)), ("val", range(16, 20)), ("test", range(20, 32))):
        for n in numbers:
            if n % 2:
                film(place / part / "NORMAL" / f"IM-{n:04}-0001.jpeg", n)
            else:
                film(place / part / "PNEUMONIA" / f"person{n // 2}_virus_{n}.jpeg", n, sick=True)
    rows(root / "chest_xray" / "__MACOSX" / "._chest_xray", ["x"])


def pneumoniamnist(root: Path) -> None:
    """One archive of arrays."""
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 20), ("val", 8), ("test", 8)):
        labels = (np.arange(count) % 2).reshape(-1, 1).astype(np.uint8)
        images = rng.integers(0, 120, (count, 28, 28)).astype(np.uint8)
        images[labels[:, 0] == 1, 8:16, 8:16] = 255
        arrays |= {f"{part}_images": images, f"{part}_labels": labels}
    np.savez_compressed(root / "pneumoniamnist.npz", **arrays)


def database(root: Path) -> None:
    """The COVID-19 Radiography Database, its sheets saved as CSV."""
    xrays.write_database(root, per_label=6)
    urls = ("https://sirm.org/category", "https://github.com/armiro/COVID-CXNet")
    for label in xrays.LABELS:
        lines = ["FILE NAME,FORMAT,SIZE,URL"]
        lines += [f"{label.upper()}-{n},PNG,256*256,{urls[n % 2]}" for n in range(1, 7)]
        rows(root / f"{label}.metadata.csv", lines, "utf-8-sig")


# Task -> who makes its collection.
LAYOUTS: dict[str, Callable[[Path], None]] = {
    "nih14": nih14,
    "chexpert": chexpert,
    "ieee8023": ieee8023,
    "covidx": covidx,
    "rsna": rsna,
    "padchest": padchest,
    "vindr": vindr,
    "siim": siim,
    "kermany": kermany,
    "pneumoniamnist": pneumoniamnist,
}
