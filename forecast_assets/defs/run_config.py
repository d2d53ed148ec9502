"""Descriptions of options that the run configurations of several assets share."""

TRAINING_DATE_OF_A_RUN = (
    "A day inside the window, YYYY-MM-DD: train on what was known before it, and forecast the rest"
    " of the window. It needs a model_version of its own."
)


MODELS_OF_A_RUN = (
    "Models of this run, as in the configuration: names or `name: {option: value}`; the"
    " configuration's by default. They need a model_version of their own."
)

REWRITE_OF_A_RUN = (
    "A reason to give the model version what the configuration means now. Forecasts that differ are"
    " drawn again by later runs, and the reason is stored. Without it nothing that was issued"
    " changes."
)
