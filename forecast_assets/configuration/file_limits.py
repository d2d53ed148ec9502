"""Bounds: how large a file of prices may be. They are checked before a file is taken apart."""

from pydantic import Field

from forecast_assets.configuration.section import Section


class FileLimits(Section):
    """How large a file of prices or of a covariate may be."""

    max_bytes: int = Field(
        50_000_000,
        strict=True,
        ge=1,
        le=2_000_000_000,
        description="Larger files, or what they unpack to, are refused.",
    )
    max_columns: int = Field(
        1_000, strict=True, ge=2, le=100_000, description="Files with more columns are refused."
    )
    max_rows: int = Field(
        500_000,
        strict=True,
        ge=1,
        le=10_000_000,
        description="Files with more rows are refused.",
    )


LIMITS = FileLimits()
"""The limits where the configuration sets none."""
