-- What can be asked. Every version of every row stays: a value that was checked by version 7
-- is read by version 7. Rows of a version beyond the head have come, but not all of them.
CREATE TABLE catalogue_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  integer NOT NULL
);

INSERT INTO catalogue_head (version) VALUES (0);

-- A code stands for one thing for ever, and so does a number. Indicators have no number.
CREATE TABLE catalogue_code (
    code   text COLLATE "C" PRIMARY KEY,
    number smallint UNIQUE CHECK (number > 0),
    UNIQUE (code, number)
);

-- `body` is the `Element` message as published.
CREATE TABLE catalogue_element (
    number  smallint NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    code    text COLLATE "C" NOT NULL,
    body    bytea NOT NULL,
    PRIMARY KEY (number, version),
    FOREIGN KEY (code, number) REFERENCES catalogue_code (code, number)
);

-- What is new since a version that is known already.
CREATE INDEX catalogue_element_version ON catalogue_element (version);

-- `body` is the `Indicator` message as published.
CREATE TABLE catalogue_indicator (
    code    text COLLATE "C" NOT NULL REFERENCES catalogue_code (code),
    version integer NOT NULL CHECK (version > 0),
    body    bytea NOT NULL,
    PRIMARY KEY (code, version)
);

CREATE INDEX catalogue_indicator_version ON catalogue_indicator (version);
