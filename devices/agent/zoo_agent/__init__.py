"""The agent's package; it imports the standard library and numpy alone, and runs on Python 3.9.

What takes long to import and only some requests need is imported where it is used: the time from
the start to the first inference is waited for on every device.
"""
