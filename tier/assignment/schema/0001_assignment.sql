-- Items this node issued, executes, or was told of.
CREATE TABLE assignment_item (
    item_id         uuid PRIMARY KEY,
    issuer_division text NOT NULL,
    state           smallint NOT NULL,   -- ItemState of the proto
    mode            smallint NOT NULL,   -- Mode of the proto
    closing_kind    smallint NOT NULL,
    quorum_percent  smallint NOT NULL,
    lead_division   text NOT NULL,
    receive_by_at   timestamptz NOT NULL,
    deadline_at     timestamptz NOT NULL,
    issued_at       timestamptz NOT NULL,
    traceparent     text NOT NULL,       -- the work here that brought the item
    item            bytea NOT NULL       -- ducha.assignment.v1.Item as issued
);
CREATE INDEX assignment_item_newest ON assignment_item (issued_at DESC, item_id DESC);

-- One assignment a division and item. Every fact sets fields of its own, so facts that
-- cross each other on the links leave the same row at every tier; the state is read off
-- the fields. Rows are never deleted.
CREATE TABLE assignment (
    item_id           uuid NOT NULL,     -- kept with its item in one transaction
    division          text NOT NULL,
    assigner_division text NOT NULL,
    epoch             integer NOT NULL DEFAULT 1,
    receive_by_at     timestamptz NOT NULL,
    deadline_at       timestamptz NOT NULL,
    received_at       timestamptz,
    reported_at       timestamptz,       -- under this epoch
    verified_at       timestamptz,
    returned          boolean NOT NULL DEFAULT false,  -- and not reported again
    return_reason     text NOT NULL DEFAULT '',
    closed            boolean NOT NULL DEFAULT false,
    withdrawn         boolean NOT NULL DEFAULT false,
    split             boolean NOT NULL DEFAULT false,  -- passed on to divisions below
    late              boolean GENERATED ALWAYS AS (reported_at > deadline_at) STORED,
    problem_count     integer NOT NULL DEFAULT 0,
    report_fact       uuid,              -- the fact in the ledger that holds the report
    instructions      text NOT NULL DEFAULT '',
    state             smallint GENERATED ALWAYS AS (
                          CASE WHEN withdrawn THEN 7
                               WHEN closed THEN 6
                               WHEN verified_at IS NOT NULL THEN 5
                               WHEN reported_at IS NOT NULL THEN 3
                               WHEN returned THEN 4
                               WHEN received_at IS NOT NULL THEN 2
                               ELSE 1 END) STORED,     -- AssignmentState of the proto
    PRIMARY KEY (item_id, division)
) WITH (fillfactor = 40);  -- room to be received, reported and verified in place
CREATE INDEX assignment_inbox ON assignment (division text_pattern_ops, item_id);

-- Work done under an epoch that had passed: judged, not lost.
CREATE TABLE assignment_fenced (
    fence_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item_id       uuid NOT NULL,
    division      text NOT NULL,
    epoch         integer NOT NULL,
    current_epoch integer NOT NULL,
    fact_id       uuid NOT NULL UNIQUE,
    fact          bytea NOT NULL,
    fenced_at     timestamptz NOT NULL
);
