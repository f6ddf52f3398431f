"""`ducha demo`: the main job, then collect-once in two acts, with simulated officers, and proof."""
