"""Tests of prices and covariates, from files and services to observations."""
