"""A run as a model card: which items it answers, what it says of runs of every kind, and that nothing in it acts."""

import html.parser
import re

import msgspec
import pytest
from markdown_it import MarkdownIt

from benchmark.records import external
from benchmark.records.contents import FileEntry
from benchmark.records.estimate import Estimate
from benchmark.records.files import write
from benchmark.records.findings import Member
from benchmark.records.record import Failure, Part
from benchmark.records.training import TrainingInfo
from benchmark.report.card import card, content
from benchmark.report.cards.beside import Beside, beside
from benchmark.report.cards.checklists import AUTHOR
from benchmark.report.cards.forms import html as page
from benchmark.report.cards.forms import markdown
from benchmark.report.cards.items import CLAIM, TRIPOD
from registry.errors import ConfigError
from tests import factories
from tests.externals import evaluation

# As the two statements number them.
CLAIM_ITEMS = [str(number) for number in range(1, 45)]
TRIPOD_NUMBERS = (
    "1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 16 17 "
    "18a 18b 18c 18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c"
)
TRIPOD_ITEMS = TRIPOD_NUMBERS.split()
EVIL = (
    "</td><script>alert(1)</script> [x](javascript:alert(2)) ![y](http://z/p.png) **b** `c` \x1b[31m\u202e $d$ _e_ a|b"
)


def pooled():
    members = [Member(f"fold {place}", factories.A, factories.metrics(0.9 + place / 100)) for place in range(3)]
    split = msgspec.structs.replace(factories.record().split, folds=3, counts={"test": {"COVID": 3, "Non-COVID": 9}})
    return factories.record(fold=None, members=members, split=split)


def told(record, found=None):
    """The card's Markdown, with nothing beside the run."""
    return markdown(content(record, found or Beside(), sealed=True))


def checklist(record, found=None):
    """Guideline -> number -> what the card says of that item."""
    grids = content(record, found or Beside(), sealed=True).sections[-1].grids
    return {grid.titles[0]: {row[0]: row[2] for row in grid.rows} for grid in grids}


def test_every_item_of_both_guidelines_is_listed_by_its_number():
    assert list(CLAIM) == CLAIM_ITEMS
    assert list(TRIPOD) == TRIPOD_ITEMS
    states = checklist(factories.record())
    assert list(states["CLAIM"]) == CLAIM_ITEMS
    assert list(states["TRIPOD+AI"]) == TRIPOD_ITEMS


@pytest.mark.parametrize("made", [factories.record, factories.failed, factories.vote, factories.ova_vote, pooled])
def test_entries_name_items_that_there_are(made):
    sections = content(made(), Beside(externals=[evaluation()]), sealed=True).sections
    entries = [one for section in sections for one in section.entries]
    assert {number for one in entries for number in one.claim} <= set(CLAIM_ITEMS)
    assert {number for one in entries for number in one.tripod} <= set(TRIPOD_ITEMS)
    assert all(one.text.strip() for one in entries)


def test_what_only_people_know_is_left_to_them():
    states = checklist(factories.record())
    claim = [number for number, state in states["CLAIM"].items() if state == AUTHOR]
    tripod = [number for number, state in states["TRIPOD+AI"].items() if state == AUTHOR]
    assert claim == ["1", "2", "34", "44"]  # title, abstract, registration, funding
    assert " ".join(tripod) == "1 2 3a 3c 17 18a 18b 18c 18d 18e 19 25 27a 27b 27c"


def test_an_item_is_answered_only_where_something_was_done():
    alone, judged = checklist(factories.record()), checklist(factories.record(), Beside(externals=[evaluation()]))
    assert (alone["CLAIM"]["33"], judged["CLAIM"]["33"]) == ("not done", "answered")
    assert (alone["TRIPOD+AI"]["23b"], judged["TRIPOD+AI"]["23b"]) == ("not done", "in part")
    assert alone["CLAIM"]["37"] == "answered"
    assert checklist(factories.failed())["CLAIM"]["37"] == "not done"
    unknown = msgspec.structs.replace(factories.record().dataset, sources={}, origin="")
    states = checklist(factories.record(dataset=unknown))
    assert (states["TRIPOD+AI"]["6a"], states["CLAIM"]["7"]) == ("not known", "in part")


def test_numbers_stand_with_their_intervals_and_images():
    record = factories.record(0.95)
    text = told(record)
    assert "balanced-accuracy 0.950 [0.930, 0.970] on 300 images" in text
    assert "| mcc | 0.941 [0.921, 0.961] | 300 |  |" in text  # the third after it, each .003 less
    assert "| Non-COVID | 220 | 5 |" in text
    assert "| majority |  | 0.500 |" in text
    assert record.seal in text and record.dataset.digest in text and record.split.digest in text
    assert "616" not in text and "617,112 parameters, 68,130 of them trained" in text


def test_a_run_that_failed_says_so_before_anything_else():
    text = told(factories.failed("oom"))
    assert text.index("This run failed") < text.index("## Use")
    assert "oom at fit: the machine had no memory left" in text
    assert "last line" in text  # of its log
    assert "Nothing of it may be used" in text or "nothing of it may be used" in text


def test_votes_and_pooled_folds_name_what_they_are_made_of():
    vote = told(factories.vote())
    assert "2 vote:" in vote and factories.A in vote
    assert "disagreement" in vote
    folds = told(pooled())
    assert "3 folds pooled" in folds and "| fold 1 |" in folds


def test_a_vote_says_nothing_that_only_its_members_know():
    text = told(factories.vote(components={}, calibration=factories.record().calibration, training=TrainingInfo()))
    assert "drawn at random" not in text and "last weights" not in text and "Left as they are" not in text


def test_a_file_of_weights_is_named_without_its_folder():
    part = Part("keras-file", {"weights": "/home/someone/private/lite.keras"}, "cxr-bench", "0.1.0", "c" * 64)
    text = told(factories.record(components={"backbone": part}))
    assert "backbone: weights lite.keras." in text and "someone" not in text


def test_limits_follow_from_the_record():
    few = {**factories.metrics(0.9), "auroc": Estimate(0.8, 0.6, 0.9, 40, "fewer than ten groups")}
    strong = {"thumbnail-8x8": {"balanced-accuracy": factories.estimate(0.89)}}
    images = msgspec.structs.replace(factories.record().split, grouping="image-level")
    text = told(factories.record(0.9, metrics=few, controls=strong, split=images))
    assert "score at or above the lower end of its interval: thumbnail-8x8 (0.890)" in text
    assert "Fewer than ten groups of images behind auroc:" in text
    assert "one patient, and copies of one film, may be on both sides" in text
    weak = {"thumbnail-8x8": {"balanced-accuracy": factories.estimate(0.87)}}  # its interval begins at .88
    assert "at or above the lower end" not in told(factories.record(0.9, controls=weak))


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attributes]

    def handle_data(self, data):
        self.text += f"{data}\n"


def hostile():
    dataset = msgspec.structs.replace(factories.record().dataset, origin=EVIL, notices=[EVIL], sources={EVIL: 1})
    failure = Failure("exception", EVIL, EVIL, [EVIL])
    return factories.record(
        pipeline=EVIL, dataset=dataset, notes=[EVIL], failure=failure, environment={EVIL: EVIL},
        controls={EVIL: {"balanced-accuracy": Estimate(0.5, note=EVIL)}}, metrics={EVIL: Estimate(0.5, note=EVIL)},
    )  # fmt: skip


def test_markup_in_a_record_stays_text_in_markdown():
    text = told(hostile())
    assert "\x1b" not in text and "\u202e" not in text
    rendered = Tags(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))
    assert not {"script", "a", "img", "code", "em", "s"} & set(rendered.tags)
    assert rendered.text.count("<script>alert(1)</script>") > 10
    assert "[x](javascript:alert(2)) ![y](http://z/p.png) **b** `c`" in rendered.text


def test_a_page_runs_and_loads_nothing():
    read = Tags(page(content(hostile(), Beside(), sealed=True, picture=b"\x89PNG")))
    assert not {"script", "a", "iframe", "link", "form"} & set(read.tags)
    assert "<script>alert(1)</script>" in read.text
    sources = [value for _, name, value in read.attributes if name in ("src", "href")]
    assert sources == ["data:image/png;base64,iVBORw=="]
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]
    policy = next(value for _, name, value in read.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'")


def test_a_page_says_what_the_markdown_says():
    found = content(factories.record(), Beside(externals=[evaluation()]), sealed=True)
    words = re.findall(r"[a-z]{4,}", Tags(MarkdownIt("commonmark").enable("table").render(markdown(found))).text)
    assert set(words) <= set(re.findall(r"[a-z]{4,}", Tags(page(found)).text))


def test_what_lies_beside_a_run_is_told_only_where_it_is_of_it(tmp_path):
    own = factories.record()
    folder = tmp_path / "binary" / own.run
    write(own, folder)
    sealed = msgspec.json.decode((folder / "result.json").read_bytes())["seal"]
    own = msgspec.structs.replace(own, seal=sealed)
    rules = factories.controls({"border": 0.6})
    again = factories.record(0.93, seed=1)
    other_split = msgspec.structs.replace(own.split, digest="f" * 64)
    for one in (rules, again, factories.record(0.5, seed=2, split=other_split)):
        write(one, tmp_path / "binary" / one.run)
    for name, seal in (("of-it", own.seal), ("of-another", "0" * 64)):
        external.write(evaluation(run=own.run, record=seal, name=name), tmp_path / "external" / name)
    external.write(evaluation(run=own.run, record=own.seal), tmp_path / "external" / "edited")
    edited = tmp_path / "external" / "edited" / "external.json"
    edited.write_bytes(edited.read_bytes().replace(b'"n":', b'"n":1', 1))
    found = beside(own, folder)
    assert [one.name for one in found.externals] == ["of-it"]
    assert [one.run for one in found.controls] == [rules.run]
    assert [one.seed for one in found.others] == [1]
    edited, other = found.unusable
    assert edited.startswith("edited/external.json") and other.startswith(
        "of-another/external.json is of another record"
    )
    text = card(own, folder, sealed=True)
    assert "seed 1 0.930" in text and "| border | what it sees | 0.600" in text and "edited/external.json" in text


def test_a_vote_is_held_against_the_rules_of_its_table_and_files_that_lack_are_said_to(tmp_path):
    sizes = {name: FileEntry(3, "0" * 64) for name in ("gradcam.png", "model/head.keras")}
    spec, digest = factories.record().spec, factories.record().dataset.digest
    vote = factories.vote(files=sizes, test="7" * 32)
    vote = msgspec.structs.replace(vote, spec={**vote.spec, "classes": spec["classes"]})
    rules = factories.controls({"border": 0.96}, test="7" * 32)
    other = factories.controls({"thumbnail-8x8": 0.9}, positive=None)  # asks something else
    for one, task in ((vote, "vote"), (rules, "binary"), (other, "binary"), (factories.record(), "binary")):
        write(one, tmp_path / task / one.run)
    found = beside(vote, tmp_path / "vote" / vote.run)
    assert [one.run for one in found.controls] == [rules.run] and found.unusable == []
    assert (sorted(found.absent), found.scored) == (["gradcam.png", "model/head.keras"], 2)
    text = told(vote, found)
    assert "| border | what it sees | 0.960" in text and "thumbnail" not in text and digest in text
    assert "Grad-CAM and occlusion of examples: gradcam.png (not in this copy)" in text
    assert "the cards of its members say it of these" in text
    (tmp_path / "vote" / vote.run / "gradcam.png").write_bytes(b"png")
    assert "gradcam.png (not in" not in told(vote, beside(vote, tmp_path / "vote" / vote.run))


def test_subgroups_that_were_not_looked_at_are_no_answer():
    for found in (Beside(), Beside(externals=[evaluation()])):
        assert checklist(factories.record(), found)["TRIPOD+AI"]["23a"] == "in part"


def test_limits_name_the_fall_elsewhere_calibration_training_and_marks():
    maps = {
        "marks-share/COVID": Estimate(0.37),
        "marks-enrichment/COVID": Estimate(5.5),
        "marks-share/A": Estimate(0.1),
    }
    fallen = evaluation(0.6, drop={"balanced-accuracy": Estimate(-0.35, -0.4, -0.3, 300)})
    over = {**fallen.metrics, "calibration-slope": Estimate(0.175, 0.027, 0.322, 300)}
    fallen = msgspec.structs.replace(fallen, metrics=over)
    record = factories.record(0.95, gradcam=maps, notes=["the loss was still falling"])
    text = told(record, Beside(externals=[fallen], scored=17))
    limits = text[text.index("## Limits") :].partition("\n## ")[0]
    assert (
        "On 300 images of elsewhere it scores 0.600 [0.580, 0.620] balanced-accuracy, a fall of 0.350 [0.300, 0.400]"
        in (limits)
    )
    assert "Calibration slope 0.175 [0.027, 0.322] on elsewhere" in limits and "over-confident" in limits
    assert "37% of the heat for COVID lies on lettering and frame burnt into the films, 5.5 times chance" in limits
    assert "Of the training: the loss was still falling." in limits and "scored at least 17 times" in limits
    calm = told(factories.record(0.95))
    assert "Calibration slope 0.9" not in calm and "Of the training" not in calm and "a fall of" not in calm


def test_a_card_says_what_decisions_come_to_at_another_prevalence():
    text = told(factories.record(0.95))
    # 0.94 and 0.96 in the factory; 75 of 300 test images
    assert "Of the test images 25.0 % are COVID. Of 1,000 people 20 have COVID: it finds 18.8, misses 1.2" in text
    assert (
        "Left out** (CLAIM 10, 12, 35; TRIPOD+AI 11): Nothing of the dataset." in text
        and "but for" not in (text[text.index("Who was taken in") : text.index("Truth")])
    )


def test_rules_are_no_model(tmp_path):
    with pytest.raises(ConfigError, match="rules that see no disease"):
        card(factories.controls({"border": 0.6}), tmp_path)
