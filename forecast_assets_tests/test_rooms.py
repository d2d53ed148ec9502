"""The picture of the rooms: what ARCHITECTURE.md shows is what the code imports."""

import grimp
import pytest

from forecast_assets_tests.rooms import BEGIN, PAGE, imported, picture, reached, redrawn, reduced


def test_the_page_shows_what_the_code_imports() -> None:
    assert redrawn(PAGE.read_text()) == PAGE.read_text()  # else: make rooms


def test_the_page_says_a_word_of_every_room() -> None:
    table = PAGE.read_text().partition(BEGIN)[0]
    assert [room for room in imported() if f"`{room}`" not in table] == []


@pytest.mark.parametrize(
    ("rooms", "shown"),
    [
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, {"a": {"b"}, "b": {"c"}, "c": set()}),
        ({"a": {"b", "c"}, "b": set(), "c": set()}, {"a": {"b", "c"}, "b": set(), "c": set()}),
        (
            {"a": {"b", "d"}, "b": {"c"}, "c": {"d"}, "d": set()},
            {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": set()},
        ),
    ],
)
def test_what_is_imported_by_way_of_another_room_has_no_arrow(
    rooms: dict[str, set[str]], shown: dict[str, set[str]]
) -> None:
    assert reduced(rooms) == shown
    assert {room: reached(shown, room) for room in rooms} == {
        room: reached(rooms, room) for room in rooms
    }


def test_the_picture_can_be_drawn() -> None:
    lines = picture().splitlines()
    assert lines[:2] == ["```mermaid", "graph TD"]
    assert "    timeline --> errors" in lines


def test_nothing_imports_a_test_or_a_conftest() -> None:
    graph = grimp.build_graph("forecast_assets_tests", cache_dir=None)
    imported = {
        module: graph.find_modules_that_directly_import(module)
        for module in graph.modules
        if module.rpartition(".")[2].startswith(("test_", "conftest"))
    }
    assert len(imported) > 100
    assert {module: by for module, by in imported.items() if by} == {}
