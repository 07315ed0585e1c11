"""YAML files, read by libyaml where PyYAML brings it: many times faster than in Python."""

from typing import Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader

__all__ = ["SafeLoader", "parsed"]


def parsed(text: str) -> Any:
    """Return what a YAML text holds, plain data only; raises `yaml.YAMLError`."""
    return yaml.load(text, SafeLoader)
