"""The tables: ``tables`` says which there are, ``contract`` what is done with them."""
