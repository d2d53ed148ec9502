"""What every engine must do: the tests of the contract, over each of ``engines.ENGINES``."""
