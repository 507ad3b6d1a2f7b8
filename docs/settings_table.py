"""Write README's table of settings anew: ``python docs/settings_table.py``."""

import re
from pathlib import Path

from starcyte.settings import markdown_table

README = Path(__file__).parents[1] / "README.md"

if __name__ == "__main__":
    table = f"{markdown_table()}\n\n"
    README.write_text(re.sub(r"\| setting \|.*?\n\n", lambda _: table, README.read_text(), count=1, flags=re.DOTALL))
