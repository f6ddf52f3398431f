"""Items go down, assignments are received, reported, judged and closed."""
