-- Who sees an area sees the facts of its divisions. What was said from above and addressed to
-- it, the capabilities add that know to whom: policies are alternatives. The tree of divisions
-- is everybody's.
GRANT SELECT ON ledger_head TO ducha_viewer;
GRANT SELECT ON ledger_fact TO ducha_viewer;
ALTER TABLE ledger_fact ENABLE ROW LEVEL SECURITY;
CREATE POLICY ledger_fact_within ON ledger_fact FOR SELECT TO ducha_viewer
    USING ((division ~>=~ viewed_area() AND division ~<~ (viewed_area() || ':'))
           OR subject = 'divisions');
