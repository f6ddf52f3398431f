-- Counts of the assignments of an item, of one level, below one division. A fold over
-- keyed rows: a count moves only through the old and the new state of an assignment, in
-- the statement that moves it, by the triggers below. So `assignment` must be there.
CREATE TABLE reporting_progress (
    item_id     uuid NOT NULL,
    division    text COLLATE "C" NOT NULL,
    level       smallint NOT NULL,     -- Level of the proto: of the assignments counted
    expected    integer NOT NULL,      -- not withdrawn, as are all but `withdrawn`
    received    integer NOT NULL,
    reported    integer NOT NULL,      -- under the epoch that stands
    verified    integer NOT NULL,
    returned    integer NOT NULL,      -- and not reported again
    closed      integer NOT NULL,
    withdrawn   integer NOT NULL,
    on_time     integer NOT NULL,
    late        integer NOT NULL,
    problems    integer NOT NULL,
    deadline_at timestamptz NOT NULL,  -- the latest that any of them ever had
    updated_at  timestamptz NOT NULL,
    changed_in  xid8 NOT NULL,         -- a watcher asks for what its last snapshot missed
    PRIMARY KEY (item_id, division, level)
) WITH (fillfactor = 50);  -- every row changes again and again: room to do it in place

-- What each assignment adds to the counts above it, and so the counts of its own division.
-- A view, not rows above: to keep these too would double the price of a move.
CREATE VIEW reporting_executor AS
SELECT item_id, division COLLATE "C" AS division,
       array_position('{2,4,6,9,12,15}'::integer[], length(division)) AS level,
       CASE WHEN withdrawn THEN 0 ELSE 1 END AS expected,
       CASE WHEN NOT withdrawn AND received_at IS NOT NULL THEN 1 ELSE 0 END AS received,
       CASE WHEN NOT withdrawn AND reported_at IS NOT NULL THEN 1 ELSE 0 END AS reported,
       CASE WHEN NOT withdrawn AND verified_at IS NOT NULL THEN 1 ELSE 0 END AS verified,
       CASE WHEN NOT withdrawn AND reported_at IS NULL AND returned THEN 1 ELSE 0 END
           AS returned,
       CASE WHEN NOT withdrawn AND closed THEN 1 ELSE 0 END AS closed,
       CASE WHEN withdrawn THEN 1 ELSE 0 END AS withdrawn,
       CASE WHEN NOT withdrawn AND NOT late THEN 1 ELSE 0 END AS on_time,
       CASE WHEN NOT withdrawn AND late THEN 1 ELSE 0 END AS late,
       CASE WHEN NOT withdrawn AND reported_at IS NOT NULL THEN problem_count ELSE 0 END
           AS problems,
       deadline_at,
       greatest(received_at, reported_at, verified_at) AS updated_at,
       xmin AS changed_in
  FROM assignment;

-- Whose ledger the positions in resume tokens belong to.
CREATE TABLE reporting_ledger (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    ledger_id uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO reporting_ledger DEFAULT VALUES;

-- Count new assignments, in all divisions above theirs. Rows are locked in the
-- order of their key, so that writers wait for each other and never in a circle.
CREATE FUNCTION reporting_count_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reporting_progress AS held
    SELECT item_id, left(division, digits),
           array_position('{2,4,6,9,12,15}'::integer[], length(division)) AS level,
           count(*) FILTER (WHERE NOT withdrawn),
           count(*) FILTER (WHERE NOT withdrawn AND received_at IS NOT NULL),
           count(*) FILTER (WHERE NOT withdrawn AND reported_at IS NOT NULL),
           count(*) FILTER (WHERE NOT withdrawn AND verified_at IS NOT NULL),
           count(*) FILTER (WHERE NOT withdrawn AND reported_at IS NULL AND returned),
           count(*) FILTER (WHERE NOT withdrawn AND closed),
           count(*) FILTER (WHERE withdrawn),
           count(*) FILTER (WHERE NOT withdrawn AND NOT late),  -- null until reported
           count(*) FILTER (WHERE NOT withdrawn AND late),
           coalesce(sum(problem_count)
                    FILTER (WHERE NOT withdrawn AND reported_at IS NOT NULL), 0),
           max(deadline_at), now(), pg_current_xact_id()
      FROM added
           JOIN unnest('{2,4,6,9,12,15}'::integer[]) AS digits ON digits < length(division)
     GROUP BY 1, 2, 3
     ORDER BY 1, 2, 3
    ON CONFLICT (item_id, division, level) DO UPDATE
       SET expected = held.expected + excluded.expected,
           received = held.received + excluded.received,
           reported = held.reported + excluded.reported,
           verified = held.verified + excluded.verified,
           returned = held.returned + excluded.returned,
           closed = held.closed + excluded.closed,
           withdrawn = held.withdrawn + excluded.withdrawn,
           on_time = held.on_time + excluded.on_time,
           late = held.late + excluded.late,
           problems = held.problems + excluded.problems,
           deadline_at = greatest(held.deadline_at, excluded.deadline_at),
           updated_at = excluded.updated_at,
           changed_in = excluded.changed_in;
    RETURN NULL;
END $$;

CREATE TRIGGER reporting_count_added AFTER INSERT ON assignment
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION reporting_count_added();

-- Take the old state of changed assignments out of the counts and put the new one in.
-- Counts that stay what they were are not written. The upsert always finds its row; it
-- stands here, and not UPDATE, because a cached plan of an UPDATE may scan the table.
CREATE FUNCTION reporting_count_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reporting_progress AS held
    WITH side AS (
        SELECT item_id, division, received_at, reported_at, verified_at, returned, closed,
               late, problem_count, deadline_at, 1 AS sign,
               CASE WHEN withdrawn THEN 0 ELSE 1 END AS live
          FROM after_move
         UNION ALL
        SELECT item_id, division, received_at, reported_at, verified_at, returned, closed,
               late, problem_count, deadline_at, -1,
               CASE WHEN withdrawn THEN 0 ELSE -1 END
          FROM before_move
    ), moved AS (
        SELECT item_id, division,
               coalesce(sum(live), 0) AS expected,
               coalesce(sum(live) FILTER (WHERE received_at IS NOT NULL), 0) AS received,
               coalesce(sum(live) FILTER (WHERE reported_at IS NOT NULL), 0) AS reported,
               coalesce(sum(live) FILTER (WHERE verified_at IS NOT NULL), 0) AS verified,
               coalesce(sum(live) FILTER (WHERE reported_at IS NULL AND returned), 0)
                   AS returned,
               coalesce(sum(live) FILTER (WHERE closed), 0) AS closed,
               coalesce(sum(live) FILTER (WHERE NOT late), 0) AS on_time,
               coalesce(sum(live) FILTER (WHERE late), 0) AS late,
               coalesce(sum(live * problem_count) FILTER (WHERE reported_at IS NOT NULL), 0)
                   AS problems,
               max(deadline_at) AS deadline_at,
               max(deadline_at) FILTER (WHERE sign > 0)
                   > max(deadline_at) FILTER (WHERE sign < 0) AS put_off
          FROM side
         GROUP BY item_id, division
    )
    SELECT item_id, left(division, digits),
           array_position('{2,4,6,9,12,15}'::integer[], length(division)) AS level,
           sum(expected), sum(received), sum(reported), sum(verified), sum(returned),
           sum(closed), -sum(expected), sum(on_time), sum(late), sum(problems),
           max(deadline_at), now(), pg_current_xact_id()
      FROM moved
           JOIN unnest('{2,4,6,9,12,15}'::integer[]) AS digits ON digits < length(division)
     GROUP BY 1, 2, 3
    HAVING bool_or(put_off)
        OR (sum(expected), sum(received), sum(reported), sum(verified), sum(returned),
            sum(closed), sum(on_time), sum(late), sum(problems))
           <> (0, 0, 0, 0, 0, 0, 0, 0, 0)
     ORDER BY 1, 2, 3
    ON CONFLICT (item_id, division, level) DO UPDATE
       SET expected = held.expected + excluded.expected,
           received = held.received + excluded.received,
           reported = held.reported + excluded.reported,
           verified = held.verified + excluded.verified,
           returned = held.returned + excluded.returned,
           closed = held.closed + excluded.closed,
           withdrawn = held.withdrawn + excluded.withdrawn,
           on_time = held.on_time + excluded.on_time,
           late = held.late + excluded.late,
           problems = held.problems + excluded.problems,
           deadline_at = greatest(held.deadline_at, excluded.deadline_at),
           updated_at = excluded.updated_at,
           changed_in = excluded.changed_in;
    RETURN NULL;
END $$;

CREATE TRIGGER reporting_count_moved AFTER UPDATE ON assignment
    REFERENCING OLD TABLE AS before_move NEW TABLE AS after_move
    FOR EACH STATEMENT EXECUTE FUNCTION reporting_count_moved();

-- An assignment is withdrawn, never deleted: what was counted stays on record.
CREATE FUNCTION reporting_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of assignments is refused: withdraw the item instead', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER reporting_refuse_delete BEFORE DELETE OR TRUNCATE ON assignment
    FOR EACH STATEMENT EXECUTE FUNCTION reporting_refuse();
CREATE TRIGGER reporting_refuse_rename BEFORE UPDATE OF item_id, division ON assignment
    FOR EACH STATEMENT EXECUTE FUNCTION reporting_refuse();
