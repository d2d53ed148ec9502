"""What was read is given again in the same state of the file, until something is written."""

from dataclasses import dataclass, field

from forecast_assets.store.readings import MOST, Readings


@dataclass
class Counted:
    """Readings, of which is known how many there were."""

    readings: Readings = field(default_factory=Readings)
    made: int = 0

    def read(self, value: str, state: str, key: str = "one") -> str:
        def reading() -> str:
            self.made += 1
            return value

        return self.readings.of(key, state, reading)


def test_in_the_same_state_nothing_is_read_until_the_file_is_written() -> None:
    counted = Counted()
    assert counted.read("a", "as it was") == counted.read("b", "as it was") == "a"
    assert counted.made == 1
    assert counted.read("b", "otherwise") == "b"
    counted.readings.forget()
    assert counted.read("c", "otherwise") == "c"


def test_only_the_last_few_readings_are_kept() -> None:
    counted = Counted()
    for number in range(2 * MOST):
        counted.read("a", "as it was", key=str(number))
        counted.read("a", "as it was", key="used all the time")
    assert len(counted.readings.kept) == MOST
    assert counted.made == 2 * MOST + 1
