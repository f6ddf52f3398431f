-- Who sees an area sees what was decided, urged, escalated and to be put right from above, about
-- items that were addressed to the area. What others asked or reported upwards is not theirs.
-- (ducha.assignment's own kinds: see the schema of assignments.)
CREATE POLICY ledger_fact_about_addressed ON ledger_fact FOR SELECT TO ducha_viewer
    USING (starts_with(viewed_area(), division)
           AND kind IN ('ducha.petition.v1.PetitionsDecided',
                        'ducha.timing.v1.AssignmentsEscalated',
                        'ducha.urging.v1.AssignmentsUrged',
                        'ducha.rectification.v1.RectificationsOpened',
                        'ducha.rectification.v1.RectificationsReturned',
                        'ducha.rectification.v1.RectificationsClosed')
           AND EXISTS (SELECT FROM assignment a
                        WHERE a.item_id = CASE WHEN pg_input_is_valid(subject, 'uuid')
                                               THEN subject::uuid END
                          AND a.division ~>=~ viewed_area()
                          AND a.division ~<~ (viewed_area() || ':')));
