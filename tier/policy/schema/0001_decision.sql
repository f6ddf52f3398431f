-- Who was let in to what, and who was not: equal decisions of a moment are one row.
-- Nobody reads it as a viewer: decisions are shown to who covers the whole node.
CREATE TABLE access_decision (
    decision_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    decided_at         timestamptz NOT NULL,      -- to the second
    principal          text NOT NULL,
    proof              text NOT NULL,
    division           text COLLATE "C" NOT NULL, -- of the caller
    roles              text NOT NULL,
    rpc                text NOT NULL,
    concerned_division text COLLATE "C" NOT NULL,
    relation           text NOT NULL,
    is_allowed         boolean NOT NULL,
    reason             text NOT NULL,
    count              bigint NOT NULL
);
-- What one of them did.
CREATE INDEX access_decision_principal ON access_decision (principal, decision_id);
-- Rows come in the order of time: what is too old lies together.
CREATE INDEX access_decision_decided_at ON access_decision USING brin (decided_at);
