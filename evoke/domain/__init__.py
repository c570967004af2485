"""Pure domain: events, the job and its fold, the catalogue, ids and errors. No I/O, no clock."""
