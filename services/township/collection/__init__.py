"""Collection: tasks, answers and workbooks of a township, its villages and grids."""
