"""Fixed windows: at most so many starts in each (GRL-2).

A window opens at the first start after the previous one ended. When time steps back, its opening moves to
now and its count stays: no start is given away, and no wait grows beyond one window.
"""


def window_left(most: int, length: int, opened: int, used: int, now: int) -> int:
    """Starts that the window still allows."""
    if opened == 0 or now >= opened + length:
        return most
    return max(most - used, 0)


def window_opening(length: int, opened: int, now: int) -> int:
    """When the window in which a start at `now` counts was opened."""
    if opened == 0 or now >= opened + length or now < opened:
        return now
    return opened


def window_count(length: int, opened: int, used: int, now: int) -> int:
    """Starts counted before now in the window of `now`."""
    if opened == 0 or now >= opened + length:
        return 0
    return used
