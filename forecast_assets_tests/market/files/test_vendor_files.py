"""Made-up files of vendors are read right, or refused with a key; none is read wrong."""

import numpy as np
import pytest

from forecast_assets_tests.vendor_files import made, outcome

FILES = 300


@pytest.mark.parametrize("block", range(6))
def test_every_file_is_read_right_or_asks_for_a_key_that_helps(block: int) -> None:
    """A refusal is answered with the truth under the keys that it names; then it reads right."""
    size = FILES // 6
    came = {
        number: outcome(made(np.random.default_rng([11, number])))
        for number in range(block * size, (block + 1) * size)
    }
    assert {number: said for number, said in came.items() if said.startswith("wrong")} == {}
    read = sum(said == "read" for said in came.values())
    assert size / 2 < read < size
