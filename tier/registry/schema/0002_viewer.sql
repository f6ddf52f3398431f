-- Who sees an area sees the sheets, needs, totals and conflicts of its divisions, the requests
-- that it made, and those that asked something of it. Columns compare by byte.
GRANT SELECT ON registry_sheet TO ducha_viewer;
ALTER TABLE registry_sheet ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_sheet_within ON registry_sheet FOR SELECT TO ducha_viewer
    USING (division >= viewed_area() AND division < viewed_area() || ':');

GRANT SELECT ON registry_need TO ducha_viewer;
ALTER TABLE registry_need ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_need_within ON registry_need FOR SELECT TO ducha_viewer
    USING (division >= viewed_area() AND division < viewed_area() || ':');

GRANT SELECT ON registry_total TO ducha_viewer;
ALTER TABLE registry_total ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_total_within ON registry_total FOR SELECT TO ducha_viewer
    USING (area >= viewed_area() AND area < viewed_area() || ':');

GRANT SELECT ON registry_conflict TO ducha_viewer;
ALTER TABLE registry_conflict ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_conflict_within ON registry_conflict FOR SELECT TO ducha_viewer
    USING (division >= viewed_area() AND division < viewed_area() || ':');

GRANT SELECT ON registry_request TO ducha_viewer;
ALTER TABLE registry_request ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_request_within ON registry_request FOR SELECT TO ducha_viewer
    USING ((requester_division >= viewed_area() AND requester_division < viewed_area() || ':')
           OR EXISTS (SELECT FROM registry_need n
                       WHERE n.data_request_id = registry_request.data_request_id
                         AND n.division >= viewed_area()
                         AND n.division < viewed_area() || ':'));

-- Facts from above: requests that ask something here, and answers of many divisions at once
-- of which some are ours.
CREATE POLICY ledger_fact_asked ON ledger_fact FOR SELECT TO ducha_viewer
    USING (starts_with(viewed_area(), division)
           AND starts_with(kind, 'ducha.registry.')
           AND (EXISTS (SELECT FROM registry_need n
                         WHERE n.data_request_id = CASE WHEN pg_input_is_valid(subject, 'uuid')
                                                        THEN subject::uuid END
                           AND n.division >= viewed_area()
                           AND n.division < viewed_area() || ':')
                OR EXISTS (SELECT FROM registry_sheet s
                            WHERE s.answers @> ARRAY[fact_id]
                              AND s.division >= viewed_area()
                              AND s.division < viewed_area() || ':')));
