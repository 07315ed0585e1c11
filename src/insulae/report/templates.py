"""The templates of the pages, kept compiled: to compile one takes longer than to fill it in."""

import functools
from importlib import metadata

from jinja2 import Environment, FileSystemBytecodeCache, PackageLoader, StrictUndefined, Template

from insulae.core.machine import writable_folder


@functools.cache
def _environment() -> Environment:
    folder = writable_folder(f"pages/jinja2-{metadata.version('jinja2')}")
    return Environment(
        loader=PackageLoader("insulae.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=FileSystemBytecodeCache(str(folder)) if folder else None,
    )


def template(name: str) -> Template:
    """Return the template of a page; what a page asks for and is not given is an error."""
    return _environment().get_template(f"{name}.html.j2")
