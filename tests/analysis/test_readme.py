"""The README's section on layers is what the script makes of the figures in the repository."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_section_is_made_from_the_figures():
    done = subprocess.run(
        [sys.executable, "benchmarks/layers.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("<!-- analysis:begin -->\n")[1]
    assert section.split("<!-- analysis:end -->")[0] == done.stdout
    assert (
        "**holds**" in done.stdout or "**does not hold**" in done.stdout or "**not borne out**" in done.stdout
    )
