-- Which days are worked and how long things may take is known to everybody in the province.
GRANT SELECT ON calendar_year TO ducha_viewer;
GRANT SELECT ON calendar_terms TO ducha_viewer;
