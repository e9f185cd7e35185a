"""Not Python at all."""

def first(ids) -> :  # GMQ100
    return ids
