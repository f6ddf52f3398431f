-- The ledger: every fact this node recorded or applied, in the order of commits.
-- The head row is the queue of writers: its lock is held from numbering to commit, so a
-- position is visible before the next one is given, and a cursor over it misses nothing.
CREATE TABLE ledger_head (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL
);
INSERT INTO ledger_head (position) VALUES (0);

CREATE TABLE ledger_fact (
    position    bigint PRIMARY KEY,
    fact_id     uuid NOT NULL,
    kind        text NOT NULL,
    division    text NOT NULL,
    subject     text NOT NULL,
    actor       text NOT NULL,
    recorded_at timestamptz NOT NULL,
    digest      bytea NOT NULL,
    body        bytea NOT NULL
);
-- I2: one fact, one effect, whatever the road does.
CREATE UNIQUE INDEX ledger_fact_id ON ledger_fact (fact_id);
CREATE INDEX ledger_fact_subject ON ledger_fact (subject, position);

-- What a neighbour must know: a gap-free sequence over the same facts. Never pruned, so
-- a neighbour that lost everything is refilled from 1.
CREATE TABLE ledger_lane (
    neighbour text PRIMARY KEY,
    epoch     bigint NOT NULL,
    seq       bigint NOT NULL DEFAULT 0
);

CREATE TABLE ledger_outbox (
    neighbour text NOT NULL,
    seq       bigint NOT NULL,
    position  bigint NOT NULL,
    PRIMARY KEY (neighbour, seq)
);
