-- Items whose data is their report: their nodes report assignments once all values are held.
ALTER TABLE assignment_item ADD COLUMN reports_itself boolean NOT NULL DEFAULT false;
CREATE INDEX assignment_item_reporting ON assignment_item (item_id)
    WHERE reports_itself AND state IN (1, 2);
