-- Whether an array holds each of its members once, in order.
CREATE FUNCTION registry_is_set(members smallint[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    before smallint := NULL;
    member smallint;
BEGIN
    FOREACH member IN ARRAY members LOOP
        IF member <= before THEN RETURN false; END IF;
        before := member;
    END LOOP;
    RETURN true;
END $$;

-- All members of two sets, each once, in order.
CREATE FUNCTION registry_union(one smallint[], other smallint[]) RETURNS smallint[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN one = other OR other = '{}' THEN one WHEN one = '{}' THEN other ELSE
       (SELECT array_agg(member)
          FROM (SELECT unnest(one) AS member UNION SELECT unnest(other) ORDER BY 1) AS both_sets)
       END;

-- All that is asked and held of one division for one period. Its key makes two open asks of
-- one cell impossible: a cell is an element of this row. `asked` is the collection task.
-- Values stand side by side in arrays: an answer of twenty values is one row, not twenty.
-- Each version of a value lies in the ledger, in the fact that `answers` names.
CREATE TABLE registry_sheet (
    period       text COLLATE "C" NOT NULL,
    division     text COLLATE "C" NOT NULL,
    period_start date NOT NULL,
    asked        smallint[] NOT NULL DEFAULT '{}',   -- elements that somebody waits for
    deadline_at  timestamptz,                        -- the earliest of all who wait
    elements     smallint[] NOT NULL DEFAULT '{}',   -- what is held, ascending
    numbers      bigint[] NOT NULL DEFAULT '{}',     -- scaled; or a place in `texts`
    given        smallint[] NOT NULL DEFAULT '{}',   -- by which answer: a place in `answers`
    flags        smallint[] NOT NULL DEFAULT '{}',   -- 1 late, 2 outlier, 4 unchanged,
                                                     -- 16 x stage of approval, 128 text
    answers      uuid[] NOT NULL DEFAULT '{}',       -- facts, in their order, all of them
    observed     timestamptz[] NOT NULL DEFAULT '{}',  -- of each answer
    texts        text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (period, division),
    CONSTRAINT registry_sheet_asks_once CHECK (registry_is_set(asked)),
    CONSTRAINT registry_sheet_is_asked_by_a_day CHECK ((asked = '{}') = (deadline_at IS NULL))
) WITH (fillfactor = 50);  -- room to be answered in place
-- What came before, to fill a form in.
CREATE INDEX registry_sheet_history ON registry_sheet (division, period_start);
-- The open tasks.
CREATE INDEX registry_task ON registry_sheet (division, period) WHERE asked <> '{}';

-- Who asked for what. Counts are a fold of the needs, by the triggers below.
CREATE TABLE registry_request (
    data_request_id    uuid PRIMARY KEY,
    requester_division text COLLATE "C" NOT NULL,
    item_id            uuid,
    period             text COLLATE "C" NOT NULL,
    created_at         timestamptz NOT NULL,
    deadline_at        timestamptz NOT NULL,
    withdrawn          boolean NOT NULL DEFAULT false,
    traceparent        text NOT NULL,        -- the work here that brought the request
    served             integer NOT NULL DEFAULT 0,
    joined             integer NOT NULL DEFAULT 0,
    confirm            integer NOT NULL DEFAULT 0,
    collect            integer NOT NULL DEFAULT 0,
    waiting            integer NOT NULL DEFAULT 0,
    completed_at       timestamptz,
    request            bytea NOT NULL        -- ducha.registry.v1.DataRequest as made
) WITH (fillfactor = 50);
CREATE INDEX registry_request_newest ON registry_request (created_at DESC, data_request_id DESC);
CREATE INDEX registry_request_item ON registry_request (item_id) WHERE item_id IS NOT NULL;

-- What one request waits for at one division, and what the gate decided there.
CREATE TABLE registry_need (
    data_request_id    uuid NOT NULL,
    division           text COLLATE "C" NOT NULL,
    period             text COLLATE "C" NOT NULL,
    requester_division text COLLATE "C" NOT NULL,
    created_at         timestamptz NOT NULL,     -- of the request
    deadline_at        timestamptz NOT NULL,
    waiting            smallint[] NOT NULL,      -- elements still missing
    served             smallint NOT NULL,
    joined             smallint NOT NULL,
    confirm            smallint NOT NULL,
    collect            smallint NOT NULL,
    confirmed          smallint NOT NULL DEFAULT 0,  -- came with one act; counted once a task
    prefilled          smallint NOT NULL DEFAULT 0,  -- came in a field that was filled in
    PRIMARY KEY (data_request_id, division),
    CONSTRAINT registry_need_waits_once CHECK (registry_is_set(waiting))
) WITH (fillfactor = 50);
CREATE INDEX registry_need_cell ON registry_need (division, period);

-- Sums over the sheets of a county and period, element by element. A fold: a row moves only by
-- the old and the new state of a sheet, in the transaction that changes it. City and province
-- are sums of a few hundred of these rows.
CREATE TABLE registry_total (
    period       text COLLATE "C" NOT NULL,
    area         text COLLATE "C" NOT NULL,      -- a county's code
    elements     smallint[] NOT NULL,            -- ascending
    expected     integer[] NOT NULL,             -- cells asked or held
    received     integer[] NOT NULL,             -- cells held
    on_time      integer[] NOT NULL,             -- of these, not late
    sums         bigint[] NOT NULL,              -- scaled, as the values are
    observed     bigint[] NOT NULL,              -- sum of moments observed, in seconds since 1970
    smallest     bigint[] NOT NULL,              -- null once it was corrected: read the sheets
    largest      bigint[] NOT NULL,
    PRIMARY KEY (period, area)
) WITH (fillfactor = 50);

-- Values that two branches changed without knowing of each other.
CREATE TABLE registry_conflict (
    conflict_id     uuid PRIMARY KEY,
    division        text COLLATE "C" NOT NULL,
    period          text COLLATE "C" NOT NULL,
    element         smallint NOT NULL,
    standing_answer uuid NOT NULL,
    rival_answer    uuid NOT NULL,
    opened_at       timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,
    state           smallint NOT NULL DEFAULT 1,   -- ConflictState of the proto
    resolver        text NOT NULL DEFAULT '',
    reason          text NOT NULL DEFAULT ''
);
CREATE INDEX registry_conflict_due ON registry_conflict (due_at, conflict_id);
CREATE INDEX registry_conflict_cell ON registry_conflict (division, period) WHERE state = 1;

-- Count what needs are made and how they move, in the header of their request.
CREATE FUNCTION registry_count_needs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE registry_request r
           SET served = r.served + m.served, joined = r.joined + m.joined,
               confirm = r.confirm + m.confirm, collect = r.collect + m.collect,
               waiting = r.waiting + m.waiting,
               completed_at = CASE WHEN r.waiting + m.waiting = 0 THEN now() END
          FROM (SELECT data_request_id, sum(served) AS served, sum(joined) AS joined,
                       sum(confirm) AS confirm, sum(collect) AS collect,
                       sum(cardinality(waiting)) AS waiting
                  FROM added GROUP BY data_request_id) AS m
         WHERE r.data_request_id = m.data_request_id;
    ELSE
        UPDATE registry_request r
           SET served = r.served + m.served, joined = r.joined + m.joined,
               confirm = r.confirm + m.confirm, collect = r.collect + m.collect,
               waiting = r.waiting + m.waiting,
               completed_at = CASE WHEN r.waiting + m.waiting = 0
                                   THEN coalesce(r.completed_at, now()) END
          FROM (SELECT data_request_id, sum(served) AS served, sum(joined) AS joined,
                       sum(confirm) AS confirm, sum(collect) AS collect,
                       sum(waiting) AS waiting
                  FROM (SELECT data_request_id, served, joined, confirm, collect,
                               cardinality(waiting) AS waiting
                          FROM after_move
                         UNION ALL
                        SELECT data_request_id, -served, -joined, -confirm, -collect,
                               -cardinality(waiting)
                          FROM before_move) AS side
                 GROUP BY data_request_id) AS m
         WHERE r.data_request_id = m.data_request_id;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER registry_count_added AFTER INSERT ON registry_need
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION registry_count_needs();
CREATE TRIGGER registry_count_moved AFTER UPDATE ON registry_need
    REFERENCING OLD TABLE AS before_move NEW TABLE AS after_move
    FOR EACH STATEMENT EXECUTE FUNCTION registry_count_needs();
