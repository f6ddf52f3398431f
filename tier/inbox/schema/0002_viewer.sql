-- Who sees an area sees what its units were told.
GRANT SELECT ON inbox_notice TO ducha_viewer;
ALTER TABLE inbox_notice ENABLE ROW LEVEL SECURITY;
CREATE POLICY inbox_notice_within ON inbox_notice FOR SELECT TO ducha_viewer
    USING (division >= viewed_area() AND division < viewed_area() || ':');
