-- What executors ask of who assigned. Each fact sets columns of its own, so that facts which
-- cross on the links leave the same row at every tier; the state is read off the columns.
-- Rows are never deleted.
CREATE TABLE petition (
    petition_id         uuid PRIMARY KEY,           -- in order of time
    item_id             uuid NOT NULL,
    division            text COLLATE "C" NOT NULL,  -- who asks
    kind                smallint NOT NULL,          -- PetitionKind of the proto
    decider             text COLLATE "C" NOT NULL,  -- the assigner, of a review the issuer
    reason              text NOT NULL,
    evidence            text[] NOT NULL,
    digests             text[] NOT NULL,            -- of the evidence, in its order
    days                integer NOT NULL,           -- working days asked
    transfer_to         text NOT NULL,
    epoch               integer NOT NULL,
    deadline_at         timestamptz NOT NULL,       -- of the assignment, when it was asked
    began_at            timestamptz NOT NULL,       -- when its term began to run
    filed_at            timestamptz NOT NULL,
    recorded_at         timestamptz NOT NULL,       -- by this node; all else is everywhere alike
    actor               text NOT NULL,
    principal           text NOT NULL,
    author              text NOT NULL,              -- of the conclusion to be reviewed
    late_arrival        boolean NOT NULL DEFAULT false,
    withdrawn_at        timestamptz,
    outcome             smallint,                   -- Outcome of the proto, once decided
    decision_reason     text NOT NULL DEFAULT '',
    granted_days        integer NOT NULL DEFAULT 0,
    granted_deadline_at timestamptz,
    provisional         boolean NOT NULL DEFAULT false,
    transferred_to      text NOT NULL DEFAULT '',
    rule                text NOT NULL DEFAULT '',   -- that decided; empty for a person
    by_rule             boolean GENERATED ALWAYS AS (rule <> '') STORED,
    decided_at          timestamptz,
    decided_by          text NOT NULL DEFAULT '',
    decider_principal   text NOT NULL DEFAULT '',
    state               smallint GENERATED ALWAYS AS (
                            CASE WHEN outcome = 1 THEN 2
                                 WHEN outcome = 2 THEN 3
                                 WHEN withdrawn_at IS NOT NULL THEN 4
                                 ELSE 1 END) STORED  -- PetitionState of the proto
);
CREATE INDEX petition_of_item ON petition (item_id, division);
CREATE INDEX petition_of_decider ON petition (decider, petition_id DESC) WHERE state = 1;

-- Who sees an area sees what its divisions ask.
GRANT SELECT ON petition TO ducha_viewer;
ALTER TABLE petition ENABLE ROW LEVEL SECURITY;
CREATE POLICY petition_within ON petition FOR SELECT TO ducha_viewer
    USING (division >= viewed_area() AND division < viewed_area() || ':');
