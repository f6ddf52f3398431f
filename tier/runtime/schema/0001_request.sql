-- Every write by its request id, with the answer it got: a retry finds it here.
CREATE TABLE request (
    request_id  uuid PRIMARY KEY,
    method      text NOT NULL,
    fingerprint bytea NOT NULL,
    response    bytea NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX request_recorded_at ON request USING brin (recorded_at);
