-- Points of rectification lists. Every fact sets fields of its own, so facts that cross each other
-- on the links leave the same row at every tier; the state is read off the fields.
CREATE TABLE rectification (
    rectification_id uuid PRIMARY KEY,            -- in order of time
    item_id          uuid NOT NULL,
    division         text COLLATE "C" NOT NULL,   -- who must put it right
    opener_division  text COLLATE "C" NOT NULL,   -- who assigned
    problem          text NOT NULL,
    requirement      text NOT NULL,
    opened_at        timestamptz NOT NULL,
    deadline_at      timestamptz NOT NULL,
    provisional      boolean NOT NULL,            -- the deadline: its year has no official calendar
    round            integer NOT NULL DEFAULT 1,  -- raised by each return
    return_reason    text NOT NULL DEFAULT '',
    reported_round   integer NOT NULL DEFAULT 0,
    reported_at      timestamptz,
    report           bytea NOT NULL DEFAULT '',   -- ducha.rectification.v1.RectificationReport
    closed_at        timestamptz,
    note             text NOT NULL DEFAULT '',
    withdrawn        boolean NOT NULL,            -- its assignment was
    reminded_round   integer NOT NULL DEFAULT 0,  -- of this node alone: last round told overdue
    state            smallint NOT NULL GENERATED ALWAYS AS (
                         CASE WHEN closed_at IS NOT NULL THEN 3
                              WHEN withdrawn THEN 4
                              WHEN reported_round >= round THEN 2
                              ELSE 1 END) STORED  -- RectificationState of the proto
);
CREATE INDEX rectification_item ON rectification (item_id, division);
CREATE INDEX rectification_division ON rectification (division, rectification_id);
-- What a sweep looks at: open points that this node did not remind of in their round.
CREATE INDEX rectification_due ON rectification (deadline_at)
    WHERE closed_at IS NULL AND NOT withdrawn AND reported_round < round
          AND reminded_round < round;

-- Who loses an assignment, with its item or alone, has nothing to put right any more; and the item
-- no longer waits for it.
CREATE FUNCTION rectification_withdraw() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stood integer;
BEGIN
    WITH moved AS (
        UPDATE rectification SET withdrawn = true
         WHERE item_id = NEW.item_id AND division = NEW.division AND NOT withdrawn
        RETURNING closed_at)
    SELECT count(*) INTO stood FROM moved WHERE closed_at IS NULL;
    IF stood > 0 THEN
        UPDATE assignment_item SET rectifications = greatest(0, rectifications - stood)
         WHERE item_id = NEW.item_id;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER rectification_withdraw AFTER UPDATE OF withdrawn ON assignment
    FOR EACH ROW WHEN (NEW.withdrawn AND NOT OLD.withdrawn)
    EXECUTE FUNCTION rectification_withdraw();

-- Who sees an area sees what must be put right in it.
GRANT SELECT ON rectification TO ducha_viewer;
ALTER TABLE rectification ENABLE ROW LEVEL SECURITY;
CREATE POLICY rectification_within ON rectification FOR SELECT TO ducha_viewer
    USING (division >= viewed_area() AND division < viewed_area() || ':');
