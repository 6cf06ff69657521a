WHY: dict[tuple[str, str], str] = {}
