-- A ledger's lives: each has a tree of its own over all facts. A new one begins by an
-- operator's word after a restore; it stays on record.
CREATE TABLE ledger_life (
    life        integer PRIMARY KEY,
    digest      text NOT NULL,
    reason      text NOT NULL,
    actor       text NOT NULL,
    declared_at bigint NOT NULL,
    before_size bigint NOT NULL,
    sealed      bigint NOT NULL DEFAULT 0
);

-- The tree, as C2SP tlog-tiles has it: 256 hashes a tile, leaves at level 0, there with the
-- moment (microseconds, 8 bytes) that went into each leaf. Hashes do not compress.
CREATE TABLE ledger_tile (
    life    integer NOT NULL,
    level   integer NOT NULL,
    number  bigint NOT NULL,
    hashes  bytea STORAGE EXTERNAL NOT NULL,
    moments bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (life, level, number)
);

-- Certificates that anything here is signed with, by their SHA-256.
CREATE TABLE ledger_certificate (
    fingerprint bytea PRIMARY KEY,
    der         bytea NOT NULL
);

-- The parent's checkpoints as this node came to know them: beacons for its own.
CREATE TABLE ledger_beacon (
    life   integer NOT NULL,
    size   bigint NOT NULL,
    note   text NOT NULL,
    signer bytea NOT NULL,
    PRIMARY KEY (life, size)
);

-- Own checkpoints; the cosignature is the witness's line.
CREATE TABLE ledger_checkpoint (
    life        integer NOT NULL,
    size        bigint NOT NULL,
    note        text NOT NULL,
    signer      bytea NOT NULL,
    beacon_life integer,
    beacon_size bigint,
    cosignature text,
    witness     bytea,
    PRIMARY KEY (life, size)
);
CREATE INDEX ledger_checkpoint_cosigned ON ledger_checkpoint (life, size)
    WHERE cosignature IS NOT NULL;

-- What this node witnessed of its children, and what lives they declared.
CREATE TABLE ledger_witnessed (
    child       text NOT NULL,
    life        integer NOT NULL,
    size        bigint NOT NULL,
    note        text NOT NULL,
    signer      bytea NOT NULL,
    witness     bytea NOT NULL,
    cosigned_at timestamptz NOT NULL,
    PRIMARY KEY (child, life, size)
);
CREATE TABLE ledger_witnessed_life (
    child       text NOT NULL,
    life        integer NOT NULL,
    digest      text NOT NULL,
    reason      text NOT NULL,
    actor       text NOT NULL,
    declared_at bigint NOT NULL,
    before_size bigint NOT NULL,
    PRIMARY KEY (child, life)
);

-- Signs that a ledger was changed: kept for good, each once, with how often it was seen.
CREATE TABLE ledger_alarm (
    alarm_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    node     text NOT NULL,
    reason   text NOT NULL,
    detail   text NOT NULL,
    note     text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    count    bigint NOT NULL DEFAULT 1,
    UNIQUE (node, reason, detail)
);
