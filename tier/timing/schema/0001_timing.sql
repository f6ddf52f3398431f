-- When to look at assignments again: a row for those of an item that were assigned alike. It
-- only wakes the node; what is due and for whom is read off the assignments.
CREATE TABLE timing_clock (
    clock_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item_id           uuid NOT NULL,
    assigner_division text NOT NULL,
    digits            smallint NOT NULL,     -- length of the executors' codes
    assigned_at       timestamptz NOT NULL,
    receive_by_at     timestamptz NOT NULL,
    deadline_at       timestamptz NOT NULL,
    next_due_at       timestamptz,           -- null where nothing is left to do here
    armed_in          xid8 NOT NULL,         -- a look that began before settles nothing
    worked_at         timestamptz,           -- the last timer worked to its end
    worked_step       smallint NOT NULL DEFAULT 0,
    worked_rung       smallint NOT NULL DEFAULT 0,
    reached           text NOT NULL DEFAULT '',  -- how far the timer under work came
    calendar_version  integer,               -- by which it was reckoned; null before
    UNIQUE (item_id, assigner_division, digits, assigned_at, receive_by_at, deadline_at)
) WITH (fillfactor = 70);
CREATE INDEX timing_clock_due ON timing_clock (next_due_at) WHERE next_due_at IS NOT NULL;
CREATE INDEX timing_clock_deadline ON timing_clock (deadline_at, clock_id);

-- What was raised: the key makes it once, whatever is repeated.
CREATE TABLE timing_raised (
    item_id    uuid NOT NULL,
    division   text NOT NULL,                -- of the executor
    term       integer NOT NULL,             -- generation of the assignment's clock
    step       smallint NOT NULL,            -- Step of the proto
    rung       smallint NOT NULL,            -- of the ladder; 0 for other steps
    due_at     timestamptz NOT NULL,
    raised_at  timestamptz NOT NULL,
    superseded boolean NOT NULL,             -- nobody was told: what comes after was due too
    PRIMARY KEY (item_id, division, term, step, rung)
);
CREATE INDEX timing_raised_escalation
    ON timing_raised (raised_at, item_id, division, term, rung) WHERE step = 6;

-- Arm a clock for each group of new assignments. No step is due before a hundredth of the
-- shorter time is over: until then the node has better things to do.
CREATE FUNCTION timing_arm_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO timing_clock AS held
           (item_id, assigner_division, digits, assigned_at, receive_by_at, deadline_at,
            next_due_at, armed_in)
    SELECT DISTINCT item_id, assigner_division, length(division), assigned_at, receive_by_at,
           deadline_at,
           assigned_at + (least(receive_by_at, deadline_at) - assigned_at) * 0.01,
           pg_current_xact_id()
      FROM added
     WHERE NOT withdrawn AND NOT closed
    ON CONFLICT (item_id, assigner_division, digits, assigned_at, receive_by_at, deadline_at)
    DO UPDATE
       SET next_due_at = least(held.next_due_at, excluded.next_due_at),
           armed_in = excluded.armed_in, worked_at = NULL, reached = '';
    RETURN NULL;
END $$;

CREATE TRIGGER timing_arm_added AFTER INSERT ON assignment
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION timing_arm_added();

-- Look at once at the group of an assignment whose clock was moved, or that is open again.
-- Reports and receipts set none of these columns to something else. One look does for all
-- rows that one transaction moves: the second finds it armed.
CREATE FUNCTION timing_arm_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM timing_clock
                WHERE (item_id, assigner_division, digits, assigned_at, receive_by_at,
                       deadline_at)
                    = (NEW.item_id, NEW.assigner_division, length(NEW.division),
                       NEW.assigned_at, NEW.receive_by_at, NEW.deadline_at)
                  AND armed_in = pg_current_xact_id() AND next_due_at = 'epoch') THEN
        RETURN NULL;
    END IF;
    INSERT INTO timing_clock
           (item_id, assigner_division, digits, assigned_at, receive_by_at, deadline_at,
            next_due_at, armed_in)
    VALUES (NEW.item_id, NEW.assigner_division, length(NEW.division), NEW.assigned_at,
            NEW.receive_by_at, NEW.deadline_at, 'epoch', pg_current_xact_id())
    ON CONFLICT (item_id, assigner_division, digits, assigned_at, receive_by_at, deadline_at)
    DO UPDATE
       SET next_due_at = excluded.next_due_at, armed_in = excluded.armed_in,
           worked_at = NULL, reached = '';
    RETURN NULL;
END $$;

CREATE TRIGGER timing_arm_moved
    AFTER UPDATE OF epoch, receive_by_at, deadline_at, suspended_at, withdrawn, closed
    ON assignment
    FOR EACH ROW
    WHEN (NOT NEW.withdrawn AND NOT NEW.closed
          AND (OLD.epoch <> NEW.epoch OR OLD.receive_by_at <> NEW.receive_by_at
               OR OLD.deadline_at <> NEW.deadline_at
               OR OLD.suspended_at IS DISTINCT FROM NEW.suspended_at
               OR OLD.withdrawn OR OLD.closed))
    EXECUTE FUNCTION timing_arm_moved();

-- Assignments that were here before there were clocks.
INSERT INTO timing_clock
       (item_id, assigner_division, digits, assigned_at, receive_by_at, deadline_at,
        next_due_at, armed_in)
SELECT DISTINCT item_id, assigner_division, length(division), assigned_at, receive_by_at,
       deadline_at, 'epoch'::timestamptz, pg_current_xact_id()
  FROM assignment
 WHERE NOT withdrawn AND NOT closed;
