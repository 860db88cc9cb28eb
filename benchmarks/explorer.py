"""How long from a move of a slider to the changed picture, in a browser? The explorer, and a page made with Panel.

    python benchmarks/explorer.py [--chromium /usr/bin/chromium] [--moves 20] [--panel]

Median of the moves, from the input event to the next frame after the picture has changed. Panel (``pip install
panel``) draws the same nine panels of the same curves with Bokeh. Fails where the explorer takes more than 300 ms.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ALLOWED_MS = 300
WATCH = """() => {
  window.times = []; let at = null;
  document.addEventListener("input", () => { at ??= performance.now(); }, true);
  new MutationObserver(() => { if (at === null) return; const then = at; at = null;
    requestAnimationFrame(() => setTimeout(() => window.times.push(performance.now() - then), 0)); })
    .observe(document.body, {attributes: true, attributeFilter: ["data-drawn"]});
}"""


def moves_of_explorer(page, address, n):
    page.goto(address)
    page.wait_for_selector('body[data-draws="100"]', timeout=300_000)
    page.evaluate(WATCH)
    slider = page.get_by_label("Dose", exact=True).first
    slider.focus()
    for k in range(n):
        page.keyboard.press("ArrowRight" if k < n // 2 else "ArrowLeft")
        while page.evaluate("window.times.length") <= k:
            page.wait_for_timeout(5)
    return page.evaluate("window.times")


PANEL = """
import json, sys, time
import bokeh.plotting, panel as pn
from bokeh.models import ColumnDataSource
from synmodel.report.explorer.curves import Explorer
from synmodel.report.explorer.panels import document_of
from synmodel.report.explorer.states import catalogue, state_of

explorer, known = Explorer(), catalogue()["scenarios"]
def curves(power):
    starts = ("psilocybin-mouse", "ketamine-mouse-single")
    documents = [json.loads(json.dumps(known[name]["document"])) for name in starts]
    documents[0]["regimen"]["doses"][0]["amount"] = float(f"{10 ** power:.3g}")
    state = {"scenarios": [{"start": s, "document": d} for s, d in zip(starts, documents)], "draws": 0}
    return document_of(explorer.show(state_of(state)))["panels"]
def app():
    slider = pn.widgets.FloatSlider(name="Dose", start=-2, end=3, step=0.02, value=0)
    figures, sources = [], []
    for each in curves(0):
        figure = bokeh.plotting.figure(width=340, height=215, title=each["title"])
        for series in each["series"]:
            sources.append(ColumnDataSource({"x": series["x"], "y": series["y"]}))
            figure.line("x", "y", source=sources[-1])
        figures.append(figure)
    def moved(event):
        for source, series in zip(sources, [s for each in curves(event.new) for s in each["series"]]):
            source.data = {"x": series["x"], "y": series["y"]}
    slider.param.watch(moved, "value")
    return pn.Column(slider, pn.GridBox(*figures, ncols=3))
pn.serve(app, port=int(sys.argv[1]), address="127.0.0.1", show=False, websocket_origin="*")
"""
# The picture has changed when Bokeh has painted again: the first source of the document has other data.
WATCH_PANEL = """() => {
  window.times = []; window.at = null;
  const doc = Bokeh.documents[0];
  const plots = [...doc.all_models].filter((m) => m.type === "ColumnDataSource");
  plots[0].connect(plots[0].properties.data.change, () => {
    if (window.at === null) return; const then = window.at; window.at = null;
    requestAnimationFrame(() => setTimeout(() => window.times.push(performance.now() - then), 0)); });
  window.slider = [...doc.all_models].find((m) => m.type.endsWith("Slider"));
}"""


def moves_of_panel(page, address, n):
    page.goto(address)
    page.wait_for_selector(".bk-Figure, .bk-GridBox, .bk-panel-models-layout-Column", timeout=120_000, state="attached")
    page.wait_for_timeout(5000)
    page.evaluate(WATCH_PANEL)
    for k in range(n):
        page.evaluate("(v) => { window.at = performance.now(); window.slider.value = v; }", 0.02 * (k + 1))
        for _ in range(2000):
            if page.evaluate("window.times.length") > k:
                break
            page.wait_for_timeout(5)
    return page.evaluate("window.times")


def told(name, times):
    times = sorted(times)
    print(f"{name}: median of {len(times)} {statistics.median(times):.0f} ms ({times[0]:.0f} to {times[-1]:.0f})")


def main():
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--moves", type=int, default=20)
    parser.add_argument("--panel", action="store_true", help="also the same page made with Panel")
    options = parser.parse_args()
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        command = [sys.executable, "-m", "synmodel", "explore", "--no-browser"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            times = moves_of_explorer(browser.new_page(), process.stdout.readline().strip(), options.moves)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
        told("explorer", times)
        if options.panel:
            script = Path(folder) / "app.py"
            script.write_text(PANEL)
            process = subprocess.Popen([sys.executable, str(script), "18765"], env=environment)
            try:
                page = browser.new_page()
                for _ in range(120):
                    try:
                        page.goto("http://127.0.0.1:18765/")
                        break
                    except Exception:
                        page.wait_for_timeout(1000)
                told("Panel", moves_of_panel(page, "http://127.0.0.1:18765/", options.moves))
            finally:
                process.terminate()
                process.wait()
        browser.close()
    assert statistics.median(times) <= ALLOWED_MS, f"{statistics.median(times):.0f} ms; allowed are {ALLOWED_MS}"


if __name__ == "__main__":
    main()
