"""The page of a run: one HTML file with tables, charts and a viewer that compares the pictures."""
