"""`ducha demo`: the main job once through, with simulated officers, and proof."""
