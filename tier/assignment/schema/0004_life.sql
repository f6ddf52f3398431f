-- What statistics ask of an item; items from before this file have none of it.
ALTER TABLE assignment_item
    ADD COLUMN source_type         smallint NOT NULL DEFAULT 0,   -- SourceType of the proto
    ADD COLUMN urgency             smallint NOT NULL DEFAULT 0,   -- Urgency of the proto
    ADD COLUMN organiser           text NOT NULL DEFAULT '',      -- name of the lead unit
    ADD COLUMN concluded_at        timestamptz,
    ADD COLUMN concluded_by        text NOT NULL DEFAULT '',
    ADD COLUMN reopened            integer NOT NULL DEFAULT 0,
    -- What holds the closing, counted where the issuer acts.
    ADD COLUMN rectifications      integer NOT NULL DEFAULT 0,
    ADD COLUMN reviews             integer NOT NULL DEFAULT 0;

-- (The defaults of moments serve rows from before; every INSERT says its own.)
-- The clock of an assignment: only its assigner changes it, and raises `term` with each change.
ALTER TABLE assignment
    ADD COLUMN assigned_at          timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN original_deadline_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN term                 integer NOT NULL DEFAULT 1,
    ADD COLUMN suspended_at         timestamptz,
    ADD COLUMN stopped              interval NOT NULL DEFAULT '0',  -- suspensions that ended
    ADD COLUMN extensions           integer NOT NULL DEFAULT 0,
    ADD COLUMN counted_from_at      timestamptz,       -- of work_days; null: assigned_at
    ADD COLUMN work_days            integer NOT NULL DEFAULT 0,  -- 0: given as a moment
    ADD COLUMN receive_days         integer NOT NULL DEFAULT 0,
    ADD COLUMN provisional          boolean NOT NULL DEFAULT false,
    ADD COLUMN transferred_to       text NOT NULL DEFAULT '';
UPDATE assignment a SET assigned_at = i.issued_at, original_deadline_at = a.deadline_at
  FROM assignment_item i WHERE i.item_id = a.item_id;
ALTER TABLE assignment
    ALTER COLUMN state SET EXPRESSION AS (
        CASE WHEN withdrawn THEN 7
             WHEN closed THEN 6
             WHEN verified_at IS NOT NULL THEN 5
             WHEN reported_at IS NOT NULL THEN 3
             WHEN suspended_at IS NOT NULL THEN 8
             WHEN returned THEN 4
             WHEN received_at IS NOT NULL THEN 2
             ELSE 1 END);
CREATE INDEX assignment_provisional ON assignment (item_id) WHERE provisional;

-- Each report that was sent back, or verification that was taken back.
CREATE TABLE assignment_return (
    item_id     uuid NOT NULL,
    division    text NOT NULL,
    epoch       integer NOT NULL,      -- that the return began
    returned_at timestamptz NOT NULL,
    reason      text NOT NULL,
    PRIMARY KEY (item_id, division, epoch)
);

-- Each move of a deadline.
CREATE TABLE assignment_deadline_move (
    item_id          uuid NOT NULL,
    division         text NOT NULL,
    term             integer NOT NULL,   -- that the move began
    old_deadline_at  timestamptz NOT NULL,
    new_deadline_at  timestamptz NOT NULL,
    cause            smallint NOT NULL,  -- Cause of the proto
    reason           text NOT NULL,
    moved_at         timestamptz NOT NULL,
    provisional      boolean NOT NULL,
    calendar_version integer NOT NULL,
    PRIMARY KEY (item_id, division, term)
);
CREATE INDEX assignment_deadline_move_newest
    ON assignment_deadline_move (moved_at DESC, item_id DESC, division DESC);

GRANT SELECT ON assignment_return TO ducha_viewer;
ALTER TABLE assignment_return ENABLE ROW LEVEL SECURITY;
CREATE POLICY assignment_return_within ON assignment_return FOR SELECT TO ducha_viewer
    USING (division ~>=~ viewed_area() AND division ~<~ (viewed_area() || ':'));

GRANT SELECT ON assignment_deadline_move TO ducha_viewer;
ALTER TABLE assignment_deadline_move ENABLE ROW LEVEL SECURITY;
CREATE POLICY assignment_deadline_move_within ON assignment_deadline_move
    FOR SELECT TO ducha_viewer
    USING (division ~>=~ viewed_area() AND division ~<~ (viewed_area() || ':'));
