-- Who sees an area sees the assignments of its divisions, the items that it issued, and those
-- that were addressed to it. `~>=~` compares by byte, whatever the database's collation.
GRANT SELECT ON assignment TO ducha_viewer;
ALTER TABLE assignment ENABLE ROW LEVEL SECURITY;
CREATE POLICY assignment_within ON assignment FOR SELECT TO ducha_viewer
    USING (division ~>=~ viewed_area() AND division ~<~ (viewed_area() || ':'));

GRANT SELECT ON assignment_item TO ducha_viewer;
ALTER TABLE assignment_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY assignment_item_within ON assignment_item FOR SELECT TO ducha_viewer
    USING ((issuer_division ~>=~ viewed_area() AND issuer_division ~<~ (viewed_area() || ':'))
           OR EXISTS (SELECT FROM assignment a
                       WHERE a.item_id = assignment_item.item_id
                         AND a.division ~>=~ viewed_area()
                         AND a.division ~<~ (viewed_area() || ':')));

GRANT SELECT ON assignment_fenced TO ducha_viewer;
ALTER TABLE assignment_fenced ENABLE ROW LEVEL SECURITY;
CREATE POLICY assignment_fenced_within ON assignment_fenced FOR SELECT TO ducha_viewer
    USING (division ~>=~ viewed_area() AND division ~<~ (viewed_area() || ':'));

-- Facts from above about items that were addressed to the area.
CREATE POLICY ledger_fact_addressed ON ledger_fact FOR SELECT TO ducha_viewer
    USING (starts_with(viewed_area(), division)
           AND starts_with(kind, 'ducha.assignment.')
           AND EXISTS (SELECT FROM assignment a
                        WHERE a.item_id = CASE WHEN pg_input_is_valid(subject, 'uuid')
                                               THEN subject::uuid END
                          AND a.division ~>=~ viewed_area()
                          AND a.division ~<~ (viewed_area() || ':')));
