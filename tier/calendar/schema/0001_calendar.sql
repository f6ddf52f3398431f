-- What the province published of each year, as the latest publication has it. Earlier ones
-- stand in the ledger. `body` is the `Year` message as published.
CREATE TABLE calendar_year (
    year    smallint PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0),
    body    bytea NOT NULL
);

-- Rows of the table of terms that are no longer what came with the software. `body` is the
-- `Terms` message as published.
CREATE TABLE calendar_terms (
    source_type smallint NOT NULL,
    urgency     smallint NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    body        bytea NOT NULL,
    PRIMARY KEY (source_type, urgency)
);
