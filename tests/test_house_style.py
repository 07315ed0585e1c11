"""The house style that a program can check: each rule over the whole of `src`, and proof that it bites."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "insulae"
FILES = sorted(PACKAGE.rglob("*.py"))
KERNEL = [path for path in FILES if path.is_relative_to(PACKAGE / "physiology")]

ALLOWED_NUMBERS = {0, 1, 2, 3, 4, 0.5, 100}
SHAPE_ARGUMENTS = {"axis", "shape", "ndmin", "in_axes", "out_axes"}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
LONGEST_FILE = 400
BANNED_WORDS = {
    r"\b(TO[D]O|FIX[M]E|X[X]X)\b(?! ?\(?#\d+)": "unfinished work needs an issue number",
    r"\.\./": "a path that leaves the folder",
    r"(?<![\w.}])/(home|root|Users|mnt|work|opt)/": "a path of one machine",
}


def numbers(source: str) -> Iterator[str]:
    """Numbers of the kernel that belong into the parameter table; indices and array axes are exempt."""
    tree = ast.parse(source)
    exempt: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            exempt.update(ast.walk(node.slice))
        if isinstance(node, ast.keyword) and node.arg in SHAPE_ARGUMENTS:
            exempt.update(ast.walk(node.value))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and type(node.value) in (int, float, complex)
            and node not in exempt
        ):
            if node.value not in ALLOWED_NUMBERS:
                yield f"line {node.lineno}: the number {node.value} belongs into tables/parameters.csv"


def length(source: str) -> Iterator[str]:
    """Files that hold more than one thing."""
    lines = len(source.splitlines())
    if lines > LONGEST_FILE:
        yield f"{lines} lines, more than {LONGEST_FILE}: split it"


def swallowed_errors(source: str) -> Iterator[str]:
    """Handlers that catch everything without saying so, or that do nothing."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield f"line {node.lineno}: a bare except"
            if all(isinstance(line, ast.Pass) or _is_text(line, ...) for line in node.body):
                yield f"line {node.lineno}: an error is swallowed"


def words(source: str) -> Iterator[str]:
    """Words that do not belong in the package: unnumbered unfinished work, paths of one machine."""
    for number, line in enumerate(source.splitlines(), start=1):
        for pattern, reason in BANNED_WORDS.items():
            if re.search(pattern, line):
                yield f"line {number}: {reason}: {line.strip()}"


def docstring(source: str) -> Iterator[str]:
    """Modules that do not say what they hold."""
    first = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0].strip()
    if not first:
        yield "the module has no docstring"
    elif first[-1] not in ".:":
        yield f"the docstring does not begin with a sentence: {first}"


def package_code(source: str) -> Iterator[str]:
    """Anything in an `__init__.py` besides its docstring, imports, `__all__` and `__version__`."""
    for node in ast.parse(source).body:
        is_name = isinstance(node, ast.Assign) and all(_is_dunder(target) for target in node.targets)
        if not (is_name or _is_text(node, str) or isinstance(node, ast.Import | ast.ImportFrom)):
            yield f"line {node.lineno}: code in an __init__.py"


def _is_dunder(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id in {"__all__", "__version__"}


def _is_text(node: ast.stmt, kind: object) -> bool:
    value = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else None
    return value is not None and (value is kind or (kind is str and isinstance(value, str)))


def banned_name(path: Path) -> bool:
    """Names that say nothing about what a module holds."""
    return path.stem.strip("_") in BANNED_NAMES


def folders_without_docstring(package: Path) -> list[str]:
    """Folders with Python files but without an `__init__.py` that explains them."""
    folders = {path.parent for path in package.rglob("*.py")}
    return [str(folder) for folder in sorted(folders) if not _explains(folder / "__init__.py")]


def _explains(path: Path) -> bool:
    return path.exists() and not list(docstring(path.read_text(encoding="utf-8")))


def offenses(rule: Callable[[str], Iterator[str]], paths: list[Path]) -> list[str]:
    """Return 'file: what is wrong' for each offense against a rule."""
    texts = [(path.relative_to(ROOT), path.read_text(encoding="utf-8")) for path in paths]
    return [f"{path}: {offense}" for path, text in texts for offense in rule(text)]


def report(found: list[str]) -> str:
    return "\n" + "\n".join(found)


def test_the_package_is_found():
    assert FILES and KERNEL


@pytest.mark.parametrize("rule", [length, swallowed_errors, words, docstring])
def test_every_module_keeps_the_rule(rule: Callable[[str], Iterator[str]]):
    found = offenses(rule, FILES)
    assert not found, report(found)


def test_the_kernel_holds_no_numbers():
    found = offenses(numbers, KERNEL)
    assert not found, report(found)


def test_init_files_hold_no_code():
    found = offenses(package_code, [path for path in FILES if path.name == "__init__.py"])
    assert not found, report(found)


def test_module_names_say_what_they_hold():
    found = [str(path.relative_to(ROOT)) for path in FILES if banned_name(path)]
    assert not found, report(found)


def test_every_folder_explains_itself():
    found = folders_without_docstring(PACKAGE)
    assert not found, report(found)


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    version = project["project"]["version"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    package = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    assert f"\nversion: {version}\n" in citation
    assert "__version__" not in package or f'__version__ = "{version}"' in package


def test_the_lock_names_no_place():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    places = [line for line in lock.splitlines() if re.search(r"://|@ |^-|[/\\]\w", line)]
    assert not places, report(places)


BAD = [
    (numbers, "rate = 7 * glucose"),
    (numbers, "def rate(glucose, scale=0.1):\n    return scale * glucose"),
    (numbers, "floor = -5.0"),
    (length, "x = 1\n" * (LONGEST_FILE + 1)),
    (swallowed_errors, "try:\n    f()\nexcept:\n    raise"),
    (swallowed_errors, "try:\n    f()\nexcept ValueError:\n    pass"),
    (swallowed_errors, "try:\n    f()\nexcept ValueError:\n    ..."),
    (words, "# TO" + "DO later"),
    (words, "path = '.." + "/data'"),
    (words, "path = '/ho" + "me/me/data.csv'"),
    (docstring, "x = 1"),
    (docstring, '"""Not a sentence"""'),
    (package_code, '"""A package."""\nfor name in ():\n    print(name)'),
    (package_code, "def f():\n    return 1"),
    (package_code, "limit = 3"),
]
GOOD = [
    (
        numbers,
        '"""Docstring with 7."""\ny = -1 * x[..., 5:9] + 0.5 + 100.0 * jnp.sum(x, axis=-7) if True else 4',
    ),
    (length, "x = 1\n" * LONGEST_FILE),
    (swallowed_errors, "try:\n    f()\nexcept ValueError as error:\n    raise Invalid() from error"),
    (words, "# TO" + "DO #12: mg/dL and/or /minute"),
    (docstring, '"""Glucose in plasma and tissue.\n\nMore\n"""'),
    (
        package_code,
        '"""A package."""\nfrom insulae.core import units\n__all__ = ["units"]\n__version__ = "1"',
    ),
]


@pytest.mark.parametrize(("rule", "snippet"), BAD)
def test_the_rule_bites(rule: Callable[[str], Iterator[str]], snippet: str):
    assert list(rule(snippet))


@pytest.mark.parametrize(("rule", "snippet"), GOOD)
def test_the_rule_lets_good_code_pass(rule: Callable[[str], Iterator[str]], snippet: str):
    assert not list(rule(snippet))


def test_the_name_rule_bites():
    assert banned_name(Path("src/utils.py")) and banned_name(Path("src/_helpers.py"))
    assert not banned_name(Path("src/glucose.py"))


def test_the_folder_rule_bites(tmp_path: Path):
    for name in ("explained", "silent", "missing"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").write_text('"""A module."""\n')
    (tmp_path / "explained" / "__init__.py").write_text('"""What lives here."""\n')
    (tmp_path / "silent" / "__init__.py").write_text("")
    assert folders_without_docstring(tmp_path) == [str(tmp_path / "missing"), str(tmp_path / "silent")]
