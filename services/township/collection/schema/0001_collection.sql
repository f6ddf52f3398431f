-- What is known of the values of one division over all periods: what a new value is compared
-- with, and which fields a form can fill in. Derived from the sheets, written with every
-- answer and never asked by SQL: so it is packed. For each element, one after the other, six
-- doubles in the machine's order: number of the element, periods with a value, sum, sum of
-- squares, smallest, largest; of numbers scaled as values are, 0 for texts.
CREATE TABLE collection_history (
    division text COLLATE "C" PRIMARY KEY,
    packed   bytea NOT NULL
) WITH (fillfactor = 50);
