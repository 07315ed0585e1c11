"""Glucose in water: it appears in proportion to what is left, and the fit of its rate is repeatable."""

import numpy as np
import pytest
from calibration import drink

from insulae.core.parameters import value


def test_a_drink_appears_as_an_exponential():
    rate = 0.2
    seen, rates = drink.course(rate)
    per_minute = rate * value("absorption.emptying_rate")
    after = np.arange(60, 240)
    # Drunk within ten minutes: five minutes later, on the average, than all at once.
    expected = 100 * value("absorption.bioavailability") * (1 - np.exp(-per_minute * (after - 5)))
    np.testing.assert_allclose(seen[60:240], expected, atol=0.6)
    assert rates.argmax() <= drink.DRUNK_WITHIN + 1
    assert np.all(np.diff(rates[drink.DRUNK_WITHIN + 1 :]) < 0)


def test_outputs_become_appearances():
    """Ferrannini 1985: 46 g came out of liver and gut, 50 g of the drink had appeared."""
    assert drink.appeared(46, drink.DURING, 100) == pytest.approx(50)


def test_the_rate_lies_between_the_studies():
    low, high = drink.model({drink.NAMES[0]: 0.1}), drink.model({drink.NAMES[0]: 0.4})
    for target, below, above in zip(drink.targets()[:4], low, high, strict=False):
        assert below < target.value < above or target.source == "waldhausl1983", target.name
