-- The tree is known to everybody in the province.
GRANT SELECT ON division TO ducha_viewer;
