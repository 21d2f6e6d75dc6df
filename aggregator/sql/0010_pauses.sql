-- A colleague may stop the polling of a source for a while; restarts keep to it.
ALTER TABLE source_state ADD COLUMN paused_by VARCHAR;  -- NULL: it is polled
