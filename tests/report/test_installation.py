from benchmark.installation.findings import Finding
from benchmark.report.installation import conclusion, content, finding_lines

OK = Finding("device", "ok", "a CPU")
WARNING = Finding("cache", "warning", "it lies far away, over a network that is slow", "set BENCH_CACHE")
WRONG = Finding("components", "wrong", "head \x1b[31m'odd' does\nnot import", "repair it")


def test_a_finding_is_how_it_is_what_it_is_about_and_below_it_what_to_do():
    assert finding_lines(OK, 80) == ["ok       device       a CPU"]
    assert finding_lines(WARNING, 50) == [
        "warning  cache        it lies far away, over a",
        "                      network that is slow",
        "                      -> set BENCH_CACHE",
    ]


def test_what_a_plugin_says_is_in_one_line_and_cannot_command_the_terminal():
    assert finding_lines(WRONG, 80)[0] == "wrong    components   head [31m'odd' does not import"


def test_the_conclusion_counts_what_is_wrong():
    assert conclusion([OK]) == "All that was looked at works."
    assert conclusion([OK, WARNING]) == "All that was looked at works; 1 warning."
    assert conclusion([OK, WRONG]) == "1 thing is wrong."
    assert conclusion([WARNING, WARNING, WRONG, WRONG]) == "2 things are wrong, and 2 warnings."


def test_programs_get_the_same():
    told = content([OK, WARNING, WRONG])
    assert (told["works"], told["ok"], told["warning"], told["wrong"]) == (False, 1, 1, 1)
    assert told["findings"][0] == {"about": "device", "status": "ok", "text": "a CPU", "remedy": None}
    assert content([OK, WARNING])["works"] is True
