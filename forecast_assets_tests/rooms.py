"""The picture of the rooms in ARCHITECTURE.md, made from what the code imports.

``python -m forecast_assets_tests.rooms`` writes it anew.
"""

import grimp

from forecast_assets_tests.graphs import ROOT

PAGE = ROOT / "ARCHITECTURE.md"

BEGIN, END = "<!-- made by `make rooms` -->\n", "<!-- end of what is made -->\n"


def imported() -> dict[str, set[str]]:
    """Each room, and the rooms that its modules import."""
    graph = grimp.build_graph("forecast_assets", cache_dir=None)
    rooms: dict[str, set[str]] = {}
    for module in graph.modules - {"forecast_assets"}:
        mine = rooms.setdefault(room_of(module), set())
        imports = graph.find_modules_directly_imported_by(module) - {"forecast_assets"}
        mine |= {room_of(each) for each in imports}
    return {room: others - {room} for room, others in sorted(rooms.items())}


def room_of(module: str) -> str:
    """The room that a module is in."""
    return module.split(".")[1]


def reduced(rooms: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same without what a room also imports by way of another, so that it can be seen."""
    below = {room: reached(rooms, room) for room in rooms}
    return {
        room: {each for each in others if not any(each in below[x] for x in others - {each})}
        for room, others in rooms.items()
    }


def reached(rooms: dict[str, set[str]], room: str) -> set[str]:
    """Every room that a room imports, directly or by way of others."""
    found: set[str] = set()
    waiting = [room]
    while waiting:
        new = rooms[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def picture() -> str:
    """The rooms as a Mermaid graph, from the top down."""
    arrows = [
        f"    {room} --> {' & '.join(sorted(others))}"
        for room, others in reduced(imported()).items()
        if others
    ]
    return "\n".join(["```mermaid", "graph TD", *arrows, "```", ""])


def redrawn(page: str) -> str:
    """The page with the picture as it is now."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + picture() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(redrawn(PAGE.read_text()))
