-- The tree of divisions, each entry holding from one day to the day before another.
-- Codes compare by byte (COLLATE "C"), so "within 5301" is the range from '5301' up to
-- '5301:' (':' follows '9') on any database, and every index here serves it.
CREATE TABLE division (
    code            text COLLATE "C" NOT NULL,
    valid_from      date NOT NULL,
    valid_to        date,
    name            text NOT NULL,
    level           smallint NOT NULL,
    parent_code     text COLLATE "C",
    successor_codes text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (code, valid_from),
    CONSTRAINT division_ends_after_it_begins CHECK (valid_to > valid_from)
);

-- All divisions of a level within an area, by code: targets of an item, pages of a list.
CREATE INDEX division_level_code ON division (level, code);
