-- Who sees an area sees the counts of its divisions, and none of those above.
GRANT SELECT ON reporting_progress TO ducha_viewer;
ALTER TABLE reporting_progress ENABLE ROW LEVEL SECURITY;
CREATE POLICY reporting_progress_within ON reporting_progress FOR SELECT TO ducha_viewer
    USING (division >= viewed_area() AND division < viewed_area() || ':');

-- A view reads as its owner, who sees everything, unless it is told to read as its caller.
ALTER VIEW reporting_executor SET (security_invoker = true);
GRANT SELECT ON reporting_executor TO ducha_viewer;

GRANT SELECT ON reporting_ledger TO ducha_viewer;
