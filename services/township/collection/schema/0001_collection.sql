-- What is known of the values of one division over all periods: what a new value is compared
-- with, and which fields a form can fill in. Arrays side by side, as in a sheet.
CREATE TABLE collection_history (
    division text COLLATE "C" PRIMARY KEY,
    elements smallint[] NOT NULL,          -- ascending
    counts   integer[] NOT NULL,           -- periods with a value
    totals   double precision[] NOT NULL,  -- of numbers, scaled as values are; 0 for texts
    squares  double precision[] NOT NULL,
    smallest double precision[] NOT NULL,
    largest  double precision[] NOT NULL
) WITH (fillfactor = 50);
