"""Fuzzing of what strangers may write: bytes that follow the code into each of its branches.

Each module here but ``running`` is a target, and has ``take(data)``, which gives bytes to the
product and lets pass only the errors that the product promises. It may have ``mutate(data, size,
seed)``, which makes other bytes of some, and ``fuzz(data)``, by which the fuzzer takes fewer bytes
to their end. Its corpus is the folder of its name in ``corpus``, which tests take to its end.
"""
