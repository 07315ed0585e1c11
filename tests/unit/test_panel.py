"""Small drawings: what is drawn lies where the axes say, and words stay inside."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from insulae.report.axis import Axis
from insulae.report.panel import WIDTH, Panel, Place, wide

SPACE = "{http://www.w3.org/2000/svg}"


def _drawn(panel: Panel) -> ET.Element:
    return ET.fromstring(panel.svg("key", "a title"))


def _colored(drawing: ET.Element, tint: str) -> list[str]:
    """Return the paths of the lines of a color."""
    return [path.get("d", "") for path in drawing.iter(f"{SPACE}path") if path.get("stroke") == tint]


def _points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](\S+) (\S+?)(?=[MLZ ]|$)", path)]


def test_a_point_lies_where_the_limits_of_the_axes_put_it():
    panel = Panel()
    panel.x.low, panel.x.high, panel.y.low, panel.y.high = 0, 10, 0, 100
    panel.line([0, 5, 10], [0, 50, 100], "#111111")
    (line,) = _colored(_drawn(panel), "#111111")
    (left, floor), middle, (right, ceiling) = _points(line)
    assert middle == pytest.approx(((left + right) / 2, (floor + ceiling) / 2), abs=0.02)
    assert left < right and floor > ceiling


def test_a_line_breaks_where_a_value_is_missing():
    panel = Panel()
    panel.line([0, 1, 2, 3, 4], [1.0, 2.0, np.nan, 2.0, 1.0], "#111111")
    (line,) = _colored(_drawn(panel), "#111111")
    assert line.count("M") == 2 and "nan" not in line


def test_nothing_but_missing_values_draws_an_empty_panel():
    panel = Panel()
    panel.line([0, 1], [np.nan, np.nan], "#111111")
    panel.band([0, 1], [np.nan, np.nan], [np.nan, np.nan], "#222233", 0.5)
    assert not _colored(_drawn(panel), "#111111")


def test_limits_leave_room_around_the_values_and_obey_what_is_set():
    axis = Axis(margin=0.1)
    axis.see([0.0, 10.0, np.nan])
    assert axis.limits() == pytest.approx((-1, 11))
    axis.low = 0
    assert axis.limits() == pytest.approx((0, 11))
    assert [text for _, text in axis.shown()] == ["0", "2", "4", "6", "8", "10"]


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0, 1e5])
def test_one_value_alone_has_an_axis(value: float):
    axis = Axis()
    axis.see(value)
    low, high = axis.limits()
    assert low < value < high and axis.shown()


def test_a_logarithmic_axis_puts_factors_at_even_distances():
    axis = Axis(is_log=True)
    axis.see([1.0, 1000.0, 0.0])
    shares = axis.share([1.0, 10.0, 100.0, 1000.0])
    assert np.diff(shares) == pytest.approx([shares[1] - shares[0]] * 3)
    assert [text for _, text in axis.shown()] == ["1", "10", "100", "1000"]


def test_a_name_beside_the_axes_stays_inside_and_is_escaped():
    panel = Panel()
    panel.line([0, 1], [0, 1], "#111111")
    panel.note("standard <care>\nof an arm", Place(y=1.0, across=1.02), size=9.5, is_bold=True)
    texts = [t for t in _drawn(panel).iter(f"{SPACE}text") if t.get("font-weight") == "bold"]
    assert [t.text for t in texts] == ["standard <care>", "of an arm"]
    assert all(float(t.get("x", "nan")) + wide(t.text or "", 9.5) < WIDTH for t in texts)


def test_two_drawings_of_a_page_share_no_identifier():
    first, second = (re.findall(r'id="(.*?)"', Panel().svg(key, "")) for key in ("one", "two"))
    assert first and not set(first) & set(second)


def test_the_page_of_a_run_loads_no_plotting_library():
    """It would take longer to load than a small study to run."""
    code = "import sys, insulae.report.page; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
