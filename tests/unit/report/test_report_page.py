"""The page of results: read back by a parser, from folders that small runs of the command made."""

import ast
import csv
import hashlib
import io
import json
import re
import shutil
import sys
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import bibtexparser
import pandas as pd
import pytest
from command_line import run

import synmodel.report
from synmodel import library
from synmodel.cli import main
from synmodel.core import manifest
from synmodel.library.provenance import version_of_synmodel
from synmodel.report import page
from synmodel.report.page import build, drawing, kinds, parts, sources, words

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[3]
EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)> & "quotes"'
HEADINGS = {
    "asked", "answer", "figures", "tables", "unknown", "diagnostics", "methods", "again", "provenance",
}  # fmt: skip

SCENARIO = """
name = "small"
title = "A small one"
baseline = "shao2021"
[[regimen.doses]]
compound = "psilocybin"
amount = 1
route = "i.p."
[schedule]
sessions = [-1, 1, 3]
[cohort]
animals = 2
dendrites_per_animal = 3
"""

SWEEP = """
name = "doses"
title = "Doses"
scenarios = ["psilocybin-mouse"]
observe = "expected"
seed = 1
control = "vehicle"
quantities = ["formation_fraction", "density_change"]
[grid]
"scenario.regimen.doses[0].amount" = [0.1, 1]
"""


class Page(HTMLParser):
    """Elements, texts and what a page would load."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict]] = []
        self.text: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if "script" in self.open:
            self.scripts.append(data)
        elif "style" not in self.open:
            self.text.append(data)
            if "td" in self.open or ("th" in self.open and "table" in self.open):
                self.tables[-1][-1][-1] += data

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self):
        return " ".join("".join(self.text).split())


def command(*arguments):
    """Run the command where pytest's own patches of one test do not reach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["synmodel", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code in (0, None)


def counts_table(path):
    """A table of dendrites of three mice by arm, with more gains after the drug."""
    rows = []
    for arm, gains in (("saline", (1, 1)), ("psilocybin", (1, 4))):
        for mouse in range(3):
            for dendrite in range(2):
                count = 10 + (mouse + dendrite) % 3
                rows.append((arm, f"m{mouse}", dendrite, -3, count, "", "", 20))
                for day, gained in zip((-1, 1), gains, strict=True):
                    gained, lost = gained + (mouse == 1), 1 + (dendrite == 1)
                    count += gained - lost
                    rows.append((arm, f"m{mouse}", dendrite, day, count, gained, lost, 20))
    columns = ["arm", "mouse", "dendrite", "day", "spine_count", "gained", "lost", "length_um"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)


def study_folder(folder):
    """The wild-type mice of a library's study under another name."""
    folder.mkdir()
    head, *arms = library.path_of("studies", "shaoliao2025_ko").read_text().split("[[arms]]")
    (folder / "study.toml").write_text("[[arms]]".join([head.replace("shaoliao2025_ko", "mine"), *arms[:2]]))
    table = pd.read_csv(library.summaries_path())
    table = table[(table["study"] == "shaoliao2025_ko") & table["arm"].isin(["saline", "psilocybin"])]
    table.drop(columns="study").to_csv(folder / "summaries.csv", index=False)


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Folders of results by kind, each made by the command or recorded by a full run of it."""
    base = tmp_path_factory.mktemp("results")
    (base / "small.toml").write_text(SCENARIO)
    (base / "sweep.toml").write_text(SWEEP)
    counts_table(base / "counts.csv")
    study_folder(base / "study")
    command("simulate", base / "small.toml", "--replicates", 4, "--draws", 12, "--out", base / "simulation", "--quiet")
    command("compare", base / "small.toml", "saline-mouse", "--draws", 12, "--out", base / "scenarios", "--quiet")
    command("fit", "--data", base / "counts.csv", "--model", "none", "--out", base / "map", "--quiet")
    command("predict", base / "study", "--draws", 100, "--out", base / "prediction", "--quiet")
    command("sweep", base / "sweep.toml", "--out", base / "sweep", "--quiet")
    recorded = {
        "experiment": (ROOT / "experiments" / "density-24h" / "outcome.json", "outcome.json"),
        "measure-next": (ROOT / "docs" / "results" / "measure-next.json", "measure-next.json"),
    }
    for name, (path, file) in recorded.items():
        if path.is_file():  # of a checkout
            (base / name).mkdir()
            shutil.copy(path, base / name / file)
    return base


@pytest.fixture(scope="session")
def made(folders):
    """Folder by name."""
    return {path.name: path for path in sorted(folders.iterdir()) if path.is_dir() and path.name != "study"}


def ids(found):
    return [attributes["id"] for _, attributes in found.elements if "id" in attributes]


def check_page(text):
    """What holds of every page."""
    found = Page(text)
    assert len(text.encode()) <= page.LARGEST
    assert text.startswith("<!doctype html>")
    # Nothing is loaded: no element that fetches, and no style that does.
    assert not {"link", "iframe", "object", "embed", "audio", "video", "source", "base", "form", "img"} & {
        tag for tag, _ in found.elements
    }
    for tag, attributes in found.elements:
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        for name, value in attributes.items():
            if name in ("href", "xlink:href") and tag != "a":
                assert value.startswith(("#", "data:image/")), (tag, value)
            assert not re.search(r"url\((?!#)", value or ""), (tag, name, value)
        if tag == "a":
            assert re.match(r"#|https://doi\.org/10\.", attributes["href"])
    assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", text)
    # One script, the one that the page's own policy allows.
    assert len(found.of("script")) == 1
    policy = next(each["content"] for each in found.of("meta") if "http-equiv" in each)
    digest = b64encode(hashlib.sha256(found.scripts[0].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert f"'sha256-{digest}'" in policy
    # Ids are unique, and whatever points to one finds it.
    known = ids(found)
    assert len(known) == len(set(known))
    pointed = {a["href"][1:] for _, a in found.elements if (a.get("href") or "").startswith("#")}
    pointed |= {each for _, a in found.elements for each in (a.get("aria-labelledby") or "").split()}
    pointed |= set(re.findall(r"url\(#([^)]+)\)", text))
    assert pointed <= set(known)
    return found


KINDS = {
    "simulation": "simulation", "scenarios": "comparison of scenarios", "map": "fit of single dendrites",
    "prediction": "prediction", "sweep": "sweep", "experiment": "experiment", "measure-next": "what to measure next",
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_its_page(made, name):
    if name not in made:
        pytest.skip("the recorded results are those of a checkout")
    folder = made[name]
    assert kinds.kind_of(kinds.opened(folder)).name == KINDS[name]
    found = check_page(synmodel.report.html(folder))
    present = {each.removeprefix("r1-") for each in ids(found)}
    expected = HEADINGS - ({"figures"} if not list(folder.glob("*.svg")) else set())
    assert expected <= present
    assert len(found.of("svg")) == len(list(folder.glob("*.svg")))
    for drawn in found.of("svg"):
        assert drawn["role"] == "img"
        assert drawn["aria-labelledby"]
    document = kinds.opened(folder).document
    if "provenance" in document:
        for value in document["provenance"].values():
            if value:
                assert " ".join(str(value).split()) in found.words
    assert version_of_synmodel() in found.words
    chapter = build.chapter_of(folder, "r1")
    assert chapter.told.asked
    assert 1 <= len(chapter.told.answer) <= 2
    for sentence in chapter.told.answer:
        assert " ".join(sentence.split()) in found.words
    ast.parse(chapter.told.python)
    assert chapter.told.command.startswith("synmodel ")


@pytest.mark.parametrize("name", ["simulation", "scenarios", "map", "prediction", "sweep"])
def test_tables_are_those_of_the_terminal(made, name):
    held = kinds.opened(made[name])
    grids, notes = parts.split(kinds.kind_of(held).tables(held.document))
    found = Page(synmodel.report.html(made[name]))
    assert len(found.tables) == len(grids) > 0
    for table, grid in zip(found.tables, grids, strict=True):
        heads, *rows = [[" ".join(cell.split()) for cell in row] for row in table]
        assert heads == [" ".join(heading.split()) for heading in grid.headings]
        assert rows == [[" ".join(cell.split()) for cell in row] for row in grid.rows]
    for note in notes:
        for line in note.lines:
            assert " ".join(line.split()) in found.words


def test_snippets_of_python_find_what_they_import(made):
    for folder in made.values():
        told = build.chapter_of(folder, "r").told
        tree = ast.parse(told.python)
        imports = ast.Module([each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)], [])
        space = {}
        exec(compile(imports, "snippet", "exec"), space)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "synmodel":
                assert hasattr(space["synmodel"], node.attr)


def test_the_answer_follows_from_the_numbers(made, tmp_path):
    document = json.loads((made["simulation"] / "summary.json").read_text())
    gains = [e for e in document["expected"] if e["quantity"] == "formation_fraction" and e["difference"]]
    largest = max(gains, key=lambda entry: abs(entry["difference"]))
    answer = build.chapter_of(made["simulation"], "r").told.answer[0]
    assert words.rounded(100 * largest["mean"]) in answer
    for key in ("difference", "difference_low", "difference_high"):
        assert words.rounded(100 * largest[key]) in answer
    # Another result, another sentence: with an interval that holds 0 the answer says so.
    changed = json.loads(json.dumps(document))
    for entry in changed["expected"]:
        if entry["quantity"] == "formation_fraction" and entry["difference"]:
            entry.update(difference=0.01, difference_low=-0.02, difference_high=0.04)
    (tmp_path / "summary.json").write_text(json.dumps(changed))
    told = build.chapter_of(tmp_path, "r").told
    assert "1.0 percentage points" in told.answer[0]
    assert "holds 0" in told.answer[0]
    assert any("spines gained" in line and "holds 0" in line for line in told.unknown)


def test_contradictions_stand_before_the_answer(made, tmp_path):
    document = json.loads((made["simulation"] / "summary.json").read_text())
    document["contradictions"] = [{"line": "contradicted by evidence of 1999"}]
    (tmp_path / "summary.json").write_text(json.dumps(document))
    text = Page(synmodel.report.html(tmp_path)).words
    assert 0 < text.index("contradicted by evidence of 1999") < text.index("What was asked") < text.index("The answer")


def test_texts_of_files_are_text(tmp_path):
    """A scenario, its notes and its arms may be named by anyone."""
    plan = SCENARIO.replace('"A small one"', json.dumps(EVIL)).replace('"small"', json.dumps("evil " + EVIL[:40]))
    (tmp_path / "evil.toml").write_text(plan)
    out = tmp_path / "<b>out"
    command("simulate", tmp_path / "evil.toml", "--replicates", 2, "--draws", 0, "--out", out, "--quiet", "--report")
    document = json.loads((out / "summary.json").read_text())
    document["notes"].append(EVIL)
    document["contradictions"] = [{"line": EVIL}]
    (out / "summary.json").write_text(json.dumps(document))
    (out / manifest.NAME).unlink()  # whoever writes such a summary writes its manifest too
    for text in ((out / "report.html").read_text(), synmodel.report.html(out, title=EVIL)):
        found = check_page(text)
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "<b>" not in text
        assert EVIL.split("&")[0].strip() in found.words
    assert EVIL in "".join(Page(synmodel.report.html(out, title=EVIL)).text)


HOSTILE = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 72 36"
  onload="alert(1)">
<style>@import url(http://evil.example/a.css); body { display: none }</style>
<script>alert(2)</script>
<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">hello</p></foreignObject>
<image xlink:href="http://evil.example/a.png"/><a xlink:href="javascript:alert(3)"><path d="M0 0"/></a>
<defs><path id="p" d="M 1.23456 2.34567 L 3 4"/><clipPath id="c"><rect width="1" height="1"/></clipPath></defs>
<use xlink:href="#p" clip-path="url(#c)" style="fill: url(http://evil.example/b)"/>
<rect fill="url(#c)" onclick="alert(4)" x="1"/>
</svg>"""


def test_a_figure_is_taken_apart(tmp_path):
    path = tmp_path / "hostile.svg"
    path.write_text(HOSTILE)
    markup = drawing.inlined(path, "r1-f0-", "title <&>", "what it shows")
    for word in ("script", "evil", "alert", "import", "foreignObject", "javascript", "onload", "onclick", "hello"):
        assert word not in markup
    assert 'href="#r1-f0-p"' in markup
    assert 'clip-path="url(#r1-f0-c)"' in markup
    assert 'd="M 1.23 2.34 L 3 4"' in markup
    assert "title &lt;&amp;&gt;" in markup
    assert 'viewBox="0 0 72 36"' in markup


@pytest.mark.parametrize("content", ["", "<svg", "<html xmlns='http://www.w3.org/1999/xhtml'/>", "no\0thing"])
def test_a_broken_figure_is_one_line(made, tmp_path, content):
    folder = tmp_path / "copy"
    shutil.copytree(made["prediction"], folder)
    (folder / "prediction.svg").write_text(content)
    (folder / manifest.NAME).unlink()
    with pytest.raises(page.PageError, match=r"prediction\.svg"):
        synmodel.report.html(folder)


def test_a_file_that_was_changed_is_one_line(made, capsys, monkeypatch, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(made["prediction"], folder)
    (folder / "prediction.svg").write_text("<svg/>")
    status, _, error = run(capsys, monkeypatch, "report", folder, "--out", tmp_path / "page.html")
    assert (status, error.count("\n")) == (2, 1)
    assert "prediction.svg is not as it was written" in error
    assert not (tmp_path / "page.html").exists()


def test_several_folders_are_one_page(made, capsys, monkeypatch, tmp_path):
    out = tmp_path / "all.html"
    names = ["simulation", "scenarios", "simulation"]
    status, said, _ = run(capsys, monkeypatch, "report", *(made[name] for name in names), "--out", out)
    assert (status, said) == (0, f"Written to {out}: 3 results\n")
    found = check_page(out.read_text())
    assert {"#r1", "#r2", "#r3"} <= {a["href"] for a in found.of("a")}
    assert len(found.of("article")) == 3
    assert [tag for tag, _ in found.elements if tag == "h1"] == ["h1"]


def test_the_same_folder_gives_the_same_page(made):
    assert synmodel.report.html(made["simulation"]) == synmodel.report.html(made["simulation"])


def test_report_is_written_beside_a_result(made, capsys, monkeypatch, tmp_path):
    out = tmp_path / "again"
    plan = made["simulation"] / "scenario.toml"
    status, said, _ = run(
        capsys, monkeypatch, "simulate", plan, "--replicates", 2, "--draws", 0, f"--out={out}", "--report", "--quiet"
    )
    assert status == 0
    assert said.endswith(f"Written to {out}: report.html\n")
    found = check_page((out / "report.html").read_text())
    assert f"synmodel simulate {plan} --replicates 2 --draws 0" in found.words
    assert "--report" not in found.words
    # JSON stays JSON.
    status, said, _ = run(
        capsys, monkeypatch, "simulate", plan, "--replicates", 2, "--draws", 0, "--out", out, "--report", "--quiet",
        "--json",
    )  # fmt: skip
    assert json.loads(said)["replicates"] == 2


def test_every_verb_that_writes_a_result_has_report(capsys, monkeypatch):
    for verb in ("compare", "fit", "predict", "validate", "simulate", "sweep", "design", "measure-next", "experiment"):
        assert "--report" in run(capsys, monkeypatch, verb, "--help")[1]
    assert "--report" not in run(capsys, monkeypatch, "show", "--help")[1]


def test_a_page_that_cannot_be_written_stops_the_work(capsys, monkeypatch, tmp_path):
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    status, _, fault = run(
        capsys, monkeypatch, "simulate", "psilocybin-mouse", "--out", tmp_path / "out", "--report", "--quiet"
    )
    assert status == 2
    assert "report.html is a folder" in fault
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.html"]


def damaged(folder, content, name="summary.json"):
    folder.mkdir()
    (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize(
    ("content", "telling"),
    [
        (None, "is not there"),
        ("", "holds no result"),
        ("{", "is damaged"),
        ("[1]", "holds no document"),
        ('{"what": 1}', "of no kind that is known"),
        ('{"scenario": {}, "summary": []}', "is damaged: lacks 'contradictions'"),
        ('{"sweep": "x", "extremes": 3, "contradictions": 1}', "is damaged"),
        ("\0" * 100, "is damaged"),
        ("[" * 100_000, "is damaged"),
    ],
)
def test_a_folder_without_a_result_is_one_line(capsys, monkeypatch, tmp_path, content, telling):
    folder = tmp_path / "given"
    if content == "":
        folder.mkdir()
    elif content is not None:
        damaged(folder, content)
    out = tmp_path / "page.html"
    status, said, fault = run(capsys, monkeypatch, "report", folder, "--out", out)
    assert (status, said) == (2, "")
    assert fault.count("\n") == 1
    assert telling in fault
    assert str(folder) in fault
    assert not out.exists()


def test_a_page_goes_into_no_folder(capsys, monkeypatch, made, tmp_path):
    for out, telling in ((tmp_path, "is a folder"), (tmp_path / "file" / "x.html", "file; give a folder")):
        (tmp_path / "file").touch()
        status, _, fault = run(capsys, monkeypatch, "report", made["simulation"], "--out", out)
        assert status == 2
        assert telling in fault


def test_a_page_that_is_too_large_is_refused(made, monkeypatch):
    monkeypatch.setattr(build, "LARGEST", 1000)
    with pytest.raises(page.PageError, match="one page for each folder"):
        synmodel.report.html(made["simulation"])


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("3.0 (2.2 to 4.4)", "3.0"),
        ("-1.5 (..)", "-1.5"),
        ("\u22122", "-2"),
        ("1,234", "1234"),
        ("<.001", ""),
        ("day 7", ""),
        ("5.95e+03", "5.95e+03"),
        ("", ""),
        ("+10.6", "10.6"),
    ],
)
def test_cells_are_sorted_by_their_first_number(cell, number):
    assert build._sortable(cell) == number


def test_prose_has_two_digits():
    assert [words.rounded(x) for x in (3.0, 0.6534, 13.46, 5950.0, -1.26, 0.0, None, 1e-12, 9.96)] == [
        "3.0", "0.65", "13", "5950", "\N{MINUS SIGN}1.3", "0", "-", "0", "10",
    ]  # fmt: skip
    assert words.phrase({"estimate": 2, "low": 1.5, "high": 3}, 1, "up", "down", open_="open") == "up"
    assert words.phrase({"estimate": 0.2, "low": 0.1, "high": 0.3}, 1, "up", "down", open_="open") == "down"
    assert words.phrase({"estimate": 0.9, "low": 0.5, "high": 1.3}, 1, "up", "down", open_="open") == "open"
    assert words.phrase({"estimate": 0.9, "low": None, "high": None}, 1, "up", "down", open_="open") == "open"


# -- sources ---------------------------------------------------------------------------------------------------


def test_bibtex_is_read_by_another_program():
    found = sources.papers_of(["shao2021"], ["psilocybin"], (), words.MECHANISM)
    every = [*found, *sources.software(("dynesty", "arviz", "statsmodels"))]
    parsed = bibtexparser.parse_string(sources.bibtex(every))
    assert not parsed.failed_blocks
    assert len(parsed.entries) == len(every)
    assert len({entry.key for entry in parsed.entries}) == len(every)
    for entry, source in zip(parsed.entries, every, strict=True):
        fields = {field.key: field.value for field in entry.fields}
        assert fields.get("doi", "") == source.doi
        assert fields.get("year", "") == source.year
    shao = next(entry for entry in parsed.entries if entry.fields_dict["doi"].value == "10.1016/j.neuron.2021.06.008")
    assert shao.entry_type == "article"
    assert shao.fields_dict["journal"].value == "Neuron"
    assert shao.fields_dict["volume"].value == "109"
    assert shao.fields_dict["author"].value == "Shao and others"


def test_every_doi_of_the_library_is_cited_by_what_rests_on_it():
    """All that a compound's file names, with the names and years that stand before it."""
    text = library.path_of("compounds", "psilocin").read_text()
    named = {each.rstrip(".:").lower() for each in re.findall(r"doi:(10\.[^\s,;)\"]+)", text)}
    found = {each.doi.lower(): each for each in sources.papers_of((), ["psilocybin"])}  # psilocin is its metabolite
    assert named <= set(found)
    assert len(named) >= 4
    madsen = found["10.1038/s41386-019-0324-9"]
    assert (madsen.who, madsen.year) == ("Madsen et al.", "2019")


def test_cite(capsys, monkeypatch, made):
    status, said, _ = run(capsys, monkeypatch, "cite")
    assert status == 0
    for name in library.names("studies"):
        assert library.document_of("studies", name)["doi"] in said
    assert "10.1038/s41592-019-0686-2" in said
    status, said, _ = run(capsys, monkeypatch, "cite", made["map"], "--bibtex")
    parsed = bibtexparser.parse_string(said)
    assert {"synmodel", "numpy", "statsmodels"} <= {entry.key for entry in parsed.entries}
    assert "10.1016/j.neuron.2021.06.008" not in said  # a fit of one's own table rests on no study of the library
    status, said, _ = run(capsys, monkeypatch, "cite", made["simulation"], "--json")
    assert any(each["doi"] == "10.1016/j.neuron.2021.06.008" for each in json.loads(said)["sources"])
    status, _, fault = run(capsys, monkeypatch, "cite", "nowhere")
    assert status == 2
    assert fault.count("\n") == 1


def test_special_letters_do_not_break_bibtex():
    entry = sources.Source("A & B", "2020", "100 % of {x}_1 $y$ #z ~ ^ \\", "J", "10.1/x")
    parsed = bibtexparser.parse_string(sources.bibtex([entry]))
    assert not parsed.failed_blocks
    assert parsed.entries[0].fields_dict["doi"].value == "10.1/x"


def test_templates_and_sheet_are_data_of_the_package():
    for name in ("page.html", "chapter.html", "page.css", "page.js"):
        assert build._resource(name)


def test_cells_survive_as_csv(made):
    """The page writes CSV from its cells as the script does: with a comma or a quote they are quoted."""
    script = build._resource("page.js")
    assert r'/[",\n\r]/.test(text)' in script
    table = Page(synmodel.report.html(made["simulation"])).tables[0]
    text = io.StringIO()
    csv.writer(text).writerows(table)
    assert list(csv.reader(io.StringIO(text.getvalue()))) == table
    assert "/^[=+@-]/.test(text)" in script  # text that a spreadsheet would take for a formula is marked as text


# -- kinds that take minutes -----------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("comparison of the embedded studies", ["compare"]),
        ("fit of group summaries", ["fit", "--study", "shao2021"]),
        ("validation", ["validate", "--draws", "100"]),
        (
            "plan of a study",
            ["design", "--scenario", "psilocybin-mouse", "--control", "saline-mouse", "--studies", "100"],
        ),
        (
            "arms that tell readings apart",
            [
                "design", "--between", "membrane, one cascade, saturating", "TrkB, one cascade, saturating",
                "--arms", "psilocybin-mouse", "--doses", "1",
            ],
        ),
        ("experiment", ["experiment", "density-24h", "--short"]),
        ("what to measure next", ["measure-next", "--draws", "30", "--points", "4"]),
    ],
)  # fmt: skip
def test_long_verbs_have_their_page(tmp_path, kind, arguments):
    out = tmp_path / "out"
    command(*arguments, "--out", out, "--quiet", "--report")
    assert kinds.kind_of(kinds.opened(out)).name == kind
    found = check_page((out / "report.html").read_text())
    assert len(found.of("svg")) == len(list(out.glob("*.svg"))) > 0
    assert len(build.chapter_of(out, "r").told.answer) == 2
