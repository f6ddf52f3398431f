-- What a township was spared and asked, for one requester in one month. A fold over needs: a
-- row moves only through the old and the new state of a need, in the statement that moves
-- it, by the triggers below. So `registry_need` must be there.
CREATE TABLE relief_saving (
    division           text COLLATE "C" NOT NULL,  -- the township's code
    requester_division text COLLATE "C" NOT NULL,
    month              text COLLATE "C" NOT NULL,  -- of the request, in China, such as 2026-11
    needed             bigint NOT NULL,
    served             bigint NOT NULL,
    joined             bigint NOT NULL,
    confirm            bigint NOT NULL,
    collect            bigint NOT NULL,
    confirmed          bigint NOT NULL,
    prefilled          bigint NOT NULL,
    PRIMARY KEY (division, requester_division, month)
) WITH (fillfactor = 50);  -- every row changes again and again: room to do it in place

-- Count new needs. Rows are locked in the order of their key, so that writers wait for each
-- other and never in a circle.
CREATE FUNCTION relief_count_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO relief_saving AS held
    SELECT left(division, 9), requester_division,
           to_char(created_at AT TIME ZONE INTERVAL '8 hours', 'YYYY-MM'),
           sum(served + joined + confirm + collect), sum(served), sum(joined), sum(confirm),
           sum(collect), sum(confirmed), sum(prefilled)
      FROM added
     GROUP BY 1, 2, 3
     ORDER BY 1, 2, 3
    ON CONFLICT (division, requester_division, month) DO UPDATE
       SET needed = held.needed + excluded.needed,
           served = held.served + excluded.served,
           joined = held.joined + excluded.joined,
           confirm = held.confirm + excluded.confirm,
           collect = held.collect + excluded.collect,
           confirmed = held.confirmed + excluded.confirmed,
           prefilled = held.prefilled + excluded.prefilled;
    RETURN NULL;
END $$;

CREATE TRIGGER relief_count_added AFTER INSERT ON registry_need
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION relief_count_added();

-- Take the old state of changed needs out of the counts and put the new one in. Most answers
-- only end a wait: rows whose counts stay what they were are not written.
CREATE FUNCTION relief_count_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO relief_saving AS held
    SELECT left(division, 9), requester_division,
           to_char(created_at AT TIME ZONE INTERVAL '8 hours', 'YYYY-MM'),
           sum(served + joined + confirm + collect), sum(served), sum(joined), sum(confirm),
           sum(collect), sum(confirmed), sum(prefilled)
      FROM (SELECT division, requester_division, created_at, served, joined, confirm, collect,
                   confirmed, prefilled
              FROM after_move
             UNION ALL
            SELECT division, requester_division, created_at, -served, -joined, -confirm,
                   -collect, -confirmed, -prefilled
              FROM before_move) AS side
     GROUP BY 1, 2, 3
    HAVING (sum(served), sum(joined), sum(confirm), sum(collect), sum(confirmed),
            sum(prefilled)) <> (0, 0, 0, 0, 0, 0)
     ORDER BY 1, 2, 3
    ON CONFLICT (division, requester_division, month) DO UPDATE
       SET needed = held.needed + excluded.needed,
           served = held.served + excluded.served,
           joined = held.joined + excluded.joined,
           confirm = held.confirm + excluded.confirm,
           collect = held.collect + excluded.collect,
           confirmed = held.confirmed + excluded.confirmed,
           prefilled = held.prefilled + excluded.prefilled;
    RETURN NULL;
END $$;

CREATE TRIGGER relief_count_moved AFTER UPDATE ON registry_need
    REFERENCING OLD TABLE AS before_move NEW TABLE AS after_move
    FOR EACH STATEMENT EXECUTE FUNCTION relief_count_moved();

-- A need is never deleted, nor is what names it changed: what was asked stays on record.
CREATE FUNCTION relief_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of needs is refused: withdraw the data request instead', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER relief_refuse_delete BEFORE DELETE OR TRUNCATE ON registry_need
    FOR EACH STATEMENT EXECUTE FUNCTION relief_refuse();
CREATE TRIGGER relief_refuse_rename
    BEFORE UPDATE OF division, requester_division, created_at ON registry_need
    FOR EACH STATEMENT EXECUTE FUNCTION relief_refuse();
