"""What is cited, by what names it: a DOI in a dataset's origin, an arXiv number in a component's summary, a method.

Facts were looked up; a work that has no DOI here has none that was found.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from benchmark.report.papers.latex import tex


class Work(msgspec.Struct, frozen=True):
    """An entry of the bibliography; `fields` are BibTeX already where they hold braces or commands."""

    key: str
    kind: str
    fields: dict[str, str]

    @property
    def doi(self) -> str:
        """In small letters; empty where there is none."""
        return self.fields.get("doi", "").lower()

    @property
    def arxiv(self) -> str:
        """Its number; empty where there is none."""
        return self.fields.get("eprint", "")


def _article(key: str, author: str, title: str, journal: str, year: int, **more: str) -> Work:
    return Work(key, "article", {"author": author, "title": title, "journal": journal, "year": str(year), **more})


def _chapter(key: str, author: str, title: str, booktitle: str, year: int, **more: str) -> Work:
    fields = {"author": author, "title": title, "booktitle": booktitle, "year": str(year), **more}
    return Work(key, "inproceedings", fields)


def _preprint(key: str, author: str, title: str, year: int, number: str) -> Work:
    return Work(key, "misc", {"author": author, "title": title, "year": str(year), "eprint": number, **_ARXIV})


_ARXIV: Final = {"archiveprefix": "arXiv"}
_CVPR: Final = "Proceedings of the {IEEE} Conference on Computer Vision and Pattern Recognition ({CVPR})"
_JASA: Final = "Journal of the American Statistical Association"

STUDY: Final = Work(
    "larose-pagesy",
    "misc",
    {
        "author": "Larose, J. and Pagesy, T.",
        "title": r"Mod\`ele de {Deep} {Learning} pour la d\'etection du {Covid} 19 au sein de radiographies "
        "pulmonaires",
        "note": "The study that the program grew out of",
    },
)
WORKS: Final = (
    STUDY,
    _article(
        "chowdhury2020",
        "Chowdhury, Muhammad E. H. and Rahman, Tawsifur and Khandakar, Amith and Mazhar, Rashid and Kadir, Muhammad "
        "Abdul and Mahbub, Zaid Bin and Islam, Khandakar Reajul and Khan, Muhammad Salman and Iqbal, Atif and "
        "{Al Emadi}, Nasser and Reaz, Mamun Bin Ibne and Islam, Mohammad Tariqul",
        "Can {AI} Help in Screening Viral and {COVID}-19 Pneumonia?",
        "IEEE Access", 2020, volume="8", pages="132665--132676", doi="10.1109/ACCESS.2020.3010287",
    ),
    _article(
        "rahman2021",
        "Rahman, Tawsifur and Khandakar, Amith and Qiblawey, Yazan and Tahir, Anas and Kiranyaz, Serkan and "
        "{Abul Kashem}, Saad Bin and Islam, Mohammad Tariqul and {Al Maadeed}, Somaya and Zughaier, Susu M. and Khan, "
        "Muhammad Salman and Chowdhury, Muhammad E. H.",
        "Exploring the effect of image enhancement techniques on {COVID}-19 detection using chest {X}-ray images",
        "Computers in Biology and Medicine", 2021, volume="132", pages="104319",
        doi="10.1016/j.compbiomed.2021.104319",
    ),
    _chapter(
        "selvaraju2017",
        "Selvaraju, Ramprasaath R. and Cogswell, Michael and Das, Abhishek and Vedantam, Ramakrishna and Parikh, Devi "
        "and Batra, Dhruv",
        "{Grad-CAM}: Visual Explanations from Deep Networks via Gradient-Based Localization",
        "Proceedings of the {IEEE} International Conference on Computer Vision ({ICCV})", 2017, pages="618--626",
        doi="10.1109/ICCV.2017.74", eprint="1610.02391", **_ARXIV,
    ),
    _chapter(
        "zeiler2014", "Zeiler, Matthew D. and Fergus, Rob", "Visualizing and Understanding Convolutional Networks",
        "Computer Vision -- {ECCV} 2014", 2014, pages="818--833", doi="10.1007/978-3-319-10590-1_53",
        eprint="1311.2901", **_ARXIV,
    ),
    _chapter(
        "chollet2017", r"Chollet, Fran\c{c}ois", "Xception: Deep Learning with Depthwise Separable Convolutions",
        _CVPR, 2017, pages="1800--1807", doi="10.1109/CVPR.2017.195", eprint="1610.02357", **_ARXIV,
    ),
    _chapter(
        "ronneberger2015", "Ronneberger, Olaf and Fischer, Philipp and Brox, Thomas",
        "{U-Net}: Convolutional Networks for Biomedical Image Segmentation",
        "Medical Image Computing and Computer-Assisted Intervention -- {MICCAI} 2015", 2015, pages="234--241",
        doi="10.1007/978-3-319-24574-4_28", eprint="1505.04597", **_ARXIV,
    ),
    _chapter(
        "chen2016", "Chen, Tianqi and Guestrin, Carlos", "{XGBoost}: A Scalable Tree Boosting System",
        "Proceedings of the 22nd {ACM} {SIGKDD} International Conference on Knowledge Discovery and Data Mining", 2016,
        pages="785--794", doi="10.1145/2939672.2939785", eprint="1603.02754", **_ARXIV,
    ),
    _preprint(
        "oktay2018", "Oktay, Ozan and others", "Attention {U-Net}: Learning Where to Look for the Pancreas",
        2018, "1804.03999",
    ),
    _preprint("howard2019", "Howard, Andrew and others", "Searching for {MobileNetV3}", 2019, "1905.02244"),
    _preprint(
        "tan2021", "Tan, Mingxing and Le, Quoc V.", "{EfficientNetV2}: Smaller Models and Faster Training",
        2021, "2104.00298",
    ),
    _preprint(
        "huang2017", "Huang, Gao and Liu, Zhuang and van der Maaten, Laurens and Weinberger, Kilian Q.",
        "Densely Connected Convolutional Networks", 2016, "1608.06993",
    ),
    _preprint(
        "he2016", "He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian",
        "Identity Mappings in Deep Residual Networks", 2016, "1603.05027",
    ),
    _preprint(
        "dosovitskiy2021", "Dosovitskiy, Alexey and others",
        "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", 2020, "2010.11929",
    ),
    _preprint("liu2022", "Liu, Zhuang and others", "A {ConvNet} for the 2020s", 2022, "2201.03545"),
    _preprint(
        "ilse2018", "Ilse, Maximilian and Tomczak, Jakub M. and Welling, Max",
        "Attention-based Deep Multiple Instance Learning", 2018, "1802.04712",
    ),
    _article(
        "delong1988", "DeLong, Elizabeth R. and DeLong, David M. and Clarke-Pearson, Daniel L.",
        "Comparing the Areas under Two or More Correlated Receiver Operating Characteristic Curves: A Nonparametric "
        "Approach", "Biometrics", 1988, volume="44", number="3", pages="837--845", doi="10.2307/2531595",
    ),
    _article(
        "obuchowski1997", "Obuchowski, Nancy A.", "Nonparametric Analysis of Clustered {ROC} Curve Data",
        "Biometrics", 1997, volume="53", number="2", pages="567--578", doi="10.2307/2533958",
    ),
    _article(
        "wilson1927", "Wilson, Edwin B.", "Probable Inference, the Law of Succession, and Statistical Inference",
        _JASA, 1927, volume="22", number="158", pages="209--212", doi="10.1080/01621459.1927.10502953",
    ),
    _article(
        "zou2008", "Zou, G. Y. and Donner, A.",
        "Construction of confidence limits about effect measures: A general approach", "Statistics in Medicine", 2008,
        volume="27", number="10", pages="1693--1702", doi="10.1002/sim.3095",
    ),
    _article(
        "nadeau2003", "Nadeau, Claude and Bengio, Yoshua", "Inference for the Generalization Error",
        "Machine Learning", 2003, volume="52", number="3", pages="239--281", doi="10.1023/A:1024068626366",
    ),
    _chapter(
        "platt1999", "Platt, John C.",
        "Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized Likelihood Methods",
        "Advances in Large Margin Classifiers", 1999, pages="61--74", publisher="MIT Press",
    ),
    _chapter(
        "guo2017", "Guo, Chuan and Pleiss, Geoff and Sun, Yu and Weinberger, Kilian Q.",
        "On Calibration of Modern Neural Networks",
        "Proceedings of the 34th International Conference on Machine Learning", 2017, pages="1321--1330",
        series="Proceedings of Machine Learning Research", volume="70", eprint="1706.04599", **_ARXIV,
    ),
)  # fmt: skip
_DOI: Final = re.compile(r"10\.\d{4,9}/[^\s;,)]+")
_NUMBER: Final = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def program(version: str) -> Work:
    """The program itself; without a version where runs were made by several."""
    fields = {"title": "{cxr-bench}: honest benchmarking of chest {X}-ray classifiers"}
    return Work("cxr-bench", "misc", {**fields, "note": f"Version {tex(version)}"} if version else fields)


def by_doi(text: str) -> list[Work]:
    """The works that a text names by their DOIs; those that are not known here are left to the text."""
    found = [one.rstrip(".").lower() for one in _DOI.findall(text)]
    return [work for work in WORKS if work.doi in found and work.doi]


def by_number(text: str) -> list[Work]:
    """The works that a text names by their numbers at arXiv; an unknown one is an entry with its number alone."""
    known = {work.arxiv: work for work in WORKS if work.arxiv}
    return [
        known.get(number) or _preprint(f"arxiv-{number}", "{}", f"{{arXiv:{number}}}", 0, number)
        for number in dict.fromkeys(_NUMBER.findall(text))
    ]


def keyed(*keys: str) -> list[Work]:
    """Works by their keys."""
    known = {work.key: work for work in WORKS}
    return [known[key] for key in keys]


def bibtex(works: Iterable[Work]) -> str:
    """The file: each work once, in the order of keys."""
    unique = {work.key: work for work in works}
    return "\n".join(_entry(unique[key]) for key in sorted(unique))


def _entry(work: Work) -> str:
    fields = [f"  {name} = {{{value}}}" for name, value in work.fields.items() if value not in ("0", "{}")]
    return f"@{work.kind}{{{work.key},\n" + ",\n".join(fields) + "\n}\n"
