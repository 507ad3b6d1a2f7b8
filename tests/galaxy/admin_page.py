"""The administrator's page as instructions: its commands, and the pieces of configuration that it gives."""

import re
import subprocess
from dataclasses import dataclass

import yaml
from galaxy_conf import WRAPPERS

#: Sections for other servers than the one that is set up: other destinations, a web server, other ways to the same.
ALTERNATIVES = {"Slurm", "Docker", "Kubernetes", "Pulsar", "TPV", "With Ansible"}
CHECK = "Check"


@dataclass(frozen=True)
class Block:
    """A block of code.

    Parameters
    ----------
    section
        The heading above it.
    language
        That of the block.
    text
        Its lines.
    """

    section: str
    language: str
    text: str


def blocks():
    """Return the blocks that are followed, in their order."""
    found, section = [], ""
    page = (WRAPPERS / "README.md").read_text()
    for match in re.finditer(r"^#+ ([A-Z0-9][^\n]*)$|^```(\w*)\n(.*?)^```$", page, re.S | re.M):
        heading, language, text = match.groups()
        if heading:
            section = heading
        elif section not in ALTERNATIVES:
            found.append(Block(section, language, text))
    return found


class Administrator:
    """Somebody who follows the page in a Galaxy.

    Parameters
    ----------
    root
        Galaxy's root folder.
    paths
        Its paths and ports in place of those of the page.
    """

    def __init__(self, root, paths):
        self.root, self._paths = root, paths
        self._blocks = blocks()
        variables = next(block.text for block in self._blocks if block.language == "sh")
        self._variables = self._with_paths(variables)
        assert self._variables != variables

    def _with_paths(self, text):
        for old, new in self._paths.items():
            text = text.replace(old, new)
        return text

    def set_up(self):
        """Follow the page up to the check."""
        for block in self._blocks:
            if block.section == CHECK:
                continue
            if block.language == "sh":
                done = self.run(block.text)
                assert done.returncode == 0, f"{block.text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            elif block.language == "yaml":
                name = re.match(r"# ([a-z_]+\.yml)", block.text)
                if name:
                    self._add(self.root / "config" / name[1], yaml.safe_load(self._with_paths(block.text)))

    def check(self):
        """Run the check, and return its exit status and its lines."""
        (block,) = (block for block in self._blocks if block.section == CHECK)
        done = self.run(block.text)
        return done.returncode, done.stdout.splitlines()

    def run(self, text):
        command = ["bash", "-e", "-c", f"{self._variables}\n{text}"]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")

    @staticmethod
    def _add(path, values):
        known = yaml.safe_load(path.read_text()) if path.exists() else {}
        path.write_text(yaml.safe_dump(_merged(known, values)))


def _merged(known, values):
    if isinstance(known, dict) and isinstance(values, dict):
        return known | {key: _merged(known.get(key), value) for key, value in values.items()}
    return values
