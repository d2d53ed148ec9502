from forecast_assets.automation.scope import EVERYTHING
from forecast_assets.automation.state import CommodityState
from forecast_assets.automation.work import Work
from forecast_assets.configuration.settings import Settings
from forecast_assets.store.saved_models import ModelStore
from forecast_assets_tests.graphs import MakeGraph, Run


def test_work_that_was_given_up_is_other_work_with_another_tick(make_graph: MakeGraph) -> None:
    graph = make_graph(after=[Run("load_prices", "Coffee")], models=["naive"])

    def lacking(settings: Settings) -> list[Work]:
        models = ModelStore.over(graph.store, settings)
        begun = settings.windows.of("Coffee")
        state = CommodityState(settings, models, begun, "Coffee", EVERYTHING)
        return [piece.work for piece in state.lacking()]

    coffee = graph.settings.commodity("Coffee").model_copy(update={"tick": 0.01})
    ticked = graph.settings.model_copy(update={"commodities": {"Coffee": coffee}})
    plain, others = lacking(graph.settings), lacking(ticked)
    assert [each.name for each in plain] == [each.name for each in others]
    assert plain == lacking(graph.settings)
    assert not {*plain} & {*others}
