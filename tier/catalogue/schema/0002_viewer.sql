-- What can be asked is known to everybody in the province.
GRANT SELECT ON catalogue_head TO ducha_viewer;
GRANT SELECT ON catalogue_code TO ducha_viewer;
GRANT SELECT ON catalogue_element TO ducha_viewer;
GRANT SELECT ON catalogue_indicator TO ducha_viewer;
