-- Who sees an area sees what is known of the values of its divisions.
GRANT SELECT ON collection_history TO ducha_viewer;
ALTER TABLE collection_history ENABLE ROW LEVEL SECURITY;
CREATE POLICY collection_history_within ON collection_history FOR SELECT TO ducha_viewer
    USING (division >= viewed_area() AND division < viewed_area() || ':');
