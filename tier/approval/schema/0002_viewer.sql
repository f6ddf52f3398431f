-- Who sees an area sees the approvals and unlockings of its divisions, and those from above
-- that lock or open it.
GRANT SELECT ON approval TO ducha_viewer;
ALTER TABLE approval ENABLE ROW LEVEL SECURITY;
CREATE POLICY approval_within ON approval FOR SELECT TO ducha_viewer
    USING ((division >= viewed_area() AND division < viewed_area() || ':')
           OR starts_with(viewed_area(), division));

GRANT SELECT ON approval_unlocking TO ducha_viewer;
ALTER TABLE approval_unlocking ENABLE ROW LEVEL SECURITY;
CREATE POLICY approval_unlocking_within ON approval_unlocking FOR SELECT TO ducha_viewer
    USING ((within_division >= viewed_area() AND within_division < viewed_area() || ':')
           OR starts_with(viewed_area(), within_division));
