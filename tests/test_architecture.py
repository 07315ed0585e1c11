"""The tree printed in ARCHITECTURE.md and the modules that exist are the same."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PAGE = ROOT / "ARCHITECTURE.md"
TOP = "src/insulae/"
INDENT = 2
TREE_LINE = re.compile(r"(?P<indent> *)(?P<name>\S+)(?: +(?P<text>\S.*))?")


def tree_block(page: str) -> list[str]:
    """Return the lines below `src/insulae/` of the one fenced block that begins so."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    trees = [block.splitlines() for block in blocks if block.split(maxsplit=1)[:1] == [TOP]]
    if len(trees) != 1:
        raise ValueError(f"expected one fenced block that begins with '{TOP}', found {len(trees)}")
    return [line for line in trees[0][1:] if line.strip()]


def listed(page: str) -> list[str]:
    """Return the paths of the files in the printed tree, relative to `src`; a folder's line ends with '/'."""
    files: list[str] = []
    folders = ["insulae"]
    for line in tree_block(page):
        match = TREE_LINE.fullmatch(line)
        depth = len(match["indent"]) / INDENT if match else 0
        if match is None or depth not in range(1, len(folders) + 1):
            raise ValueError(
                f"the line is not indented by {INDENT} spaces per level below its folder: '{line}'"
            )
        folders = folders[: int(depth)]
        if match["name"].endswith("/"):
            folders.append(match["name"].rstrip("/"))
        elif not match["text"]:
            raise ValueError(f"the line does not say what the file holds: '{line}'")
        else:
            files.append("/".join([*folders, match["name"]]))
    return files


def existing(source: Path) -> list[str]:
    """Return the paths of all Python modules of the package, without the `__init__.py` files."""
    paths = (path for path in (source / "insulae").rglob("*.py") if path.name != "__init__.py")
    return sorted(path.relative_to(source).as_posix() for path in paths)


def differences(page: str, source: Path) -> list[str]:
    """Return one sentence for each file on one side only, and for each file listed twice."""
    names = [name for name in listed(page) if name.endswith(".py")]
    modules = existing(source)
    missing = [f"{name} exists but ARCHITECTURE.md does not list it" for name in modules if name not in names]
    stale = [
        f"{name} is listed in ARCHITECTURE.md but does not exist" for name in names if name not in modules
    ]
    twice = [f"{name} is listed twice" for name in sorted(set(names)) if names.count(name) > 1]
    return missing + stale + twice


def test_the_page_lists_the_modules_that_exist():
    found = differences(PAGE.read_text(encoding="utf-8"), SOURCE)
    assert not found, "\n" + "\n".join(found)


def test_the_data_files_of_the_tree_exist():
    absent = [name for name in listed(PAGE.read_text(encoding="utf-8")) if not (SOURCE / name).exists()]
    assert not absent, "\n" + "\n".join(absent)


GOOD_PAGE = """# Architecture

```
studies/   not the tree
```

```
src/insulae/
  core/                    Layer 0
    units.py               conversions
  tables/
    parameters.csv         numbers
  physiology/              Layer 1
    fast/                  minutes
      glucose.py           plasma glucose
    day.py                 a block of days
```
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("core/units.py", "core/__init__.py", "physiology/fast/glucose.py", "physiology/day.py"):
        path = tmp_path / "insulae" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_a_true_page_passes(source: Path):
    assert differences(GOOD_PAGE, source) == []
    assert "insulae/tables/parameters.csv" in listed(GOOD_PAGE)


def test_a_module_that_is_not_listed_is_found(source: Path):
    (source / "insulae" / "core" / "random.py").touch()
    assert differences(GOOD_PAGE, source) == [
        "insulae/core/random.py exists but ARCHITECTURE.md does not list it"
    ]


def test_a_listed_module_that_does_not_exist_is_found(source: Path):
    (source / "insulae" / "physiology" / "day.py").unlink()
    assert differences(GOOD_PAGE, source) == [
        "insulae/physiology/day.py is listed in ARCHITECTURE.md but does not exist"
    ]


def test_a_module_listed_twice_is_found(source: Path):
    line = "    units.py               conversions\n"
    assert differences(GOOD_PAGE.replace(line, line * 2), source) == ["insulae/core/units.py is listed twice"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("src/insulae/\n", "src/other/\n"),
        ("      glucose.py", "       glucose.py"),
        ("      glucose.py", "          glucose.py"),
        ("units.py               conversions", "units.py"),
    ],
)
def test_a_malformed_tree_is_refused(old: str, new: str):
    with pytest.raises(ValueError, match=r"fenced block|spaces per level|what the file holds"):
        listed(GOOD_PAGE.replace(old, new))
