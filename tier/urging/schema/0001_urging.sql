-- Who was urged, by whom: one row an assignment and urge, the same at every tier that hears of it.
-- Counts of urges are counted here. Rows never change.
CREATE TABLE urging_urge (
    urge_id     uuid NOT NULL,               -- in order of time
    division    text COLLATE "C" NOT NULL,   -- who is urged
    item_id     uuid NOT NULL,
    by_division text COLLATE "C" NOT NULL,
    actor       text NOT NULL,
    message     text NOT NULL,
    urged_at    timestamptz NOT NULL,
    by_rule     boolean NOT NULL,
    urged_on    date NOT NULL GENERATED ALWAYS AS
                    ((urged_at AT TIME ZONE 'Asia/Shanghai')::date) STORED,
    PRIMARY KEY (urge_id, division)
);
CREATE INDEX urging_urge_item ON urging_urge (item_id, division, urged_on);
CREATE INDEX urging_urge_day ON urging_urge (division, urged_on);

-- Digests that the units of this node were alerted to: the first urge of a day makes one, the
-- others only let it grow.
CREATE TABLE urging_digest (
    division   text COLLATE "C" NOT NULL,
    day        date NOT NULL,
    alerted_at timestamptz NOT NULL,
    PRIMARY KEY (division, day)
);

-- Who sees an area sees who was urged in it.
GRANT SELECT ON urging_urge TO ducha_viewer;
ALTER TABLE urging_urge ENABLE ROW LEVEL SECURITY;
CREATE POLICY urging_urge_within ON urging_urge FOR SELECT TO ducha_viewer
    USING (division >= viewed_area() AND division < viewed_area() || ':');

GRANT SELECT ON urging_digest TO ducha_viewer;
ALTER TABLE urging_digest ENABLE ROW LEVEL SECURITY;
CREATE POLICY urging_digest_within ON urging_digest FOR SELECT TO ducha_viewer
    USING (division >= viewed_area() AND division < viewed_area() || ':');
