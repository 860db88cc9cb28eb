"""Write claims.md from the recorded runs of the experiments; a test says when it must be run again."""

from pathlib import Path

from synmodel.experiments import entry, names
from synmodel.report.experiments import claims_page

if __name__ == "__main__":
    page = claims_page([entry(name) for name in names()])
    Path(__file__).with_name("claims.md").write_text(page, encoding="utf-8")
