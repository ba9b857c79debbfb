"""A module per runtime, imported when it is asked for; `base` says what each defines."""
