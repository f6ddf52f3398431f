-- Who sees an area sees what its townships were spared.
GRANT SELECT ON relief_saving TO ducha_viewer;
ALTER TABLE relief_saving ENABLE ROW LEVEL SECURITY;
CREATE POLICY relief_saving_within ON relief_saving FOR SELECT TO ducha_viewer
    USING (division >= viewed_area() AND division < viewed_area() || ':');
