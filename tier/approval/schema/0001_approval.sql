-- Whose word stands for which period. How far each value is approved lies in its sheet.
CREATE TABLE approval (
    period         text COLLATE "C" NOT NULL,
    division       text COLLATE "C" NOT NULL,
    approved_at    timestamptz NOT NULL,         -- the last time
    actor          text NOT NULL,                -- of the last time
    approved_count bigint NOT NULL,              -- values, over all times
    PRIMARY KEY (period, division)
);

-- Leave to correct values of an approved period for a while. Kept after it ended.
CREATE TABLE approval_unlocking (
    unlocking_id       uuid PRIMARY KEY,         -- in order of time
    authority_division text COLLATE "C" NOT NULL,
    within_division    text COLLATE "C" NOT NULL,
    period             text COLLATE "C" NOT NULL,
    actor              text NOT NULL,
    reason             text NOT NULL,
    unlocked_at        timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL
);
-- Those that stand.
CREATE INDEX approval_unlocking_standing ON approval_unlocking (period, expires_at);
