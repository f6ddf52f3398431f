-- The second wall: who sees an area only is read for by this role, of which every table with
-- rows of divisions shows what its policy says, and every other table nothing at all. The
-- area is set for one transaction. Where none is set the policies compare with NULL, and
-- nothing is shown: an empty text would be the beginning of every code.
GRANT USAGE ON SCHEMA public TO ducha_viewer;

CREATE FUNCTION viewed_area() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('ducha.area', true), '');
