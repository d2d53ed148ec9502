"""Reading prices and covariates from files and services, and checking them."""
