-- Who sees an area sees what was raised for its divisions, and the clocks that run for them or
-- for those to whom it assigned. `~>=~` compares by byte, whatever the database's collation.
GRANT SELECT ON timing_raised TO ducha_viewer;
ALTER TABLE timing_raised ENABLE ROW LEVEL SECURITY;
CREATE POLICY timing_raised_within ON timing_raised FOR SELECT TO ducha_viewer
    USING (division ~>=~ viewed_area() AND division ~<~ (viewed_area() || ':'));

GRANT SELECT ON timing_clock TO ducha_viewer;
ALTER TABLE timing_clock ENABLE ROW LEVEL SECURITY;
CREATE POLICY timing_clock_within ON timing_clock FOR SELECT TO ducha_viewer
    USING ((assigner_division ~>=~ viewed_area() AND assigner_division ~<~ (viewed_area() || ':'))
           OR EXISTS (SELECT FROM assignment a
                       WHERE a.item_id = timing_clock.item_id
                         AND a.division ~>=~ viewed_area()
                         AND a.division ~<~ (viewed_area() || ':')
                         AND length(a.division) = timing_clock.digits
                         AND a.assigner_division = timing_clock.assigner_division
                         AND a.assigned_at = timing_clock.assigned_at
                         AND a.receive_by_at = timing_clock.receive_by_at
                         AND a.deadline_at = timing_clock.deadline_at));
