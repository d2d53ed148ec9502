"""All cases of hostile input: how many they are, and that each is told apart."""

from collections import Counter

from forecast_assets_tests.hostile.cases import kinds, read

LEAST = 400
"""How many cases there are at least, as docs/reliability.md says."""


def test_there_are_enough_cases_and_no_name_occurs_twice() -> None:
    names = [(kind, case["name"]) for kind in kinds() for case in read(kind)]
    assert [name for name, times in Counter(names).items() if times > 1] == []
    assert len(names) > LEAST


def test_every_case_promises_a_message() -> None:
    silent = [
        (kind, case["name"]) for kind in kinds() for case in read(kind) if not case["message"]
    ]
    assert silent == []
