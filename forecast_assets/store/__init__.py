"""The tables: ``tables`` declares them, and ``contract`` declares the methods that use them."""
