-- What the units of this node were told. Each row follows from a fact; rows are never deleted.
CREATE TABLE inbox_notice (
    serial       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- in order of delivery
    notice_id    uuid NOT NULL UNIQUE,       -- of source, division and kind: told once
    division     text COLLATE "C" NOT NULL,
    kind         smallint NOT NULL,          -- NoticeKind of the proto
    light        smallint NOT NULL,          -- Light of the proto
    item_id      uuid NOT NULL,
    source       uuid NOT NULL,              -- the fact it follows from
    happened_at  timestamptz NOT NULL,
    delivered_at timestamptz NOT NULL,
    details      jsonb NOT NULL,
    read_at      timestamptz,
    reader       text NOT NULL DEFAULT ''
);
CREATE INDEX inbox_notice_newest ON inbox_notice (division, serial DESC);
CREATE INDEX inbox_notice_unread ON inbox_notice (division, serial DESC)
    WHERE read_at IS NULL;
