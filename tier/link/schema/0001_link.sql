-- What this node has applied from each neighbour: the receipt it gives, with the fact
-- found there, by which the neighbour knows whether it is still the same life.
CREATE TABLE link_inbound (
    neighbour text PRIMARY KEY,
    epoch     bigint NOT NULL DEFAULT 0,
    seq       bigint NOT NULL DEFAULT 0,
    fact_id   text NOT NULL DEFAULT ''
);

-- What each neighbour has confirmed of the facts this node owes it.
CREATE TABLE link_receipt (
    neighbour text PRIMARY KEY,
    epoch     bigint NOT NULL DEFAULT 0,
    seq       bigint NOT NULL DEFAULT 0
);

-- Facts that could not be applied. The link goes on; an operator decides.
CREATE TABLE link_quarantine (
    quarantine_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    neighbour      text NOT NULL,
    epoch          bigint NOT NULL,
    seq            bigint NOT NULL,
    fact_id        text NOT NULL,
    kind           text NOT NULL,
    reason         text NOT NULL,
    detail         text NOT NULL,
    body           bytea NOT NULL,
    downward       boolean NOT NULL,
    quarantined_at timestamptz NOT NULL,
    settled_at     timestamptz,
    settled_by     text,
    settled_how    text
);
CREATE INDEX link_quarantine_open ON link_quarantine (quarantine_id) WHERE settled_at IS NULL;
CREATE UNIQUE INDEX link_quarantine_place ON link_quarantine (neighbour, epoch, seq);
