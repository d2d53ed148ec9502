"""All cases of hostile input: how many they are, and that each is told apart."""

from collections import Counter

from forecast_assets_tests.hostile.cases import kinds, read

DOORS = ("addresses", "configuration", "environment", "names", "terminal")
LEAST, LEAST_OF_DOORS = 150, 120
"""How many cases there are at least of all kinds, and of those of this list."""


def test_there_are_enough_cases_and_no_name_occurs_twice() -> None:
    names = [(kind, case["name"]) for kind in kinds() for case in read(kind)]
    assert [name for name, times in Counter(names).items() if times > 1] == []
    assert sum(kind in DOORS for kind, _ in names) >= LEAST_OF_DOORS
    assert len(names) >= (LEAST if set(kinds()) > set(DOORS) else LEAST_OF_DOORS)


def test_every_case_promises_a_message() -> None:
    silent = [
        (kind, case["name"]) for kind in kinds() for case in read(kind) if not case["message"]
    ]
    assert silent == []
