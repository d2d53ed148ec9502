"""Building blocks that models share. They know no model."""
