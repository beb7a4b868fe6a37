-- What columns mean beyond what their tables were made with.
ALTER TABLE {database}.feedback_events COMMENT COLUMN customer_id 'Pseudonymous customer; empty when anonymous or erased';
ALTER TABLE {database}.feedback_events COMMENT COLUMN payload 'The event as JSON after redaction, known fields only; empty of a customer who was erased';
ALTER TABLE {database}.cases COMMENT COLUMN customer_id 'Pseudonymous customer; empty when anonymous or erased';
ALTER TABLE {database}.cases COMMENT COLUMN state 'State after the events read so far; erased when its customer was erased while it was open, evicted when it had to leave the state while it was';
ALTER TABLE {database}.sla_clocks COMMENT COLUMN customer_id 'Pseudonymous customer; empty when anonymous or erased';
ALTER TABLE {database}.incidents COMMENT COLUMN customer_id 'Pseudonymous customer; empty when anonymous or erased';
ALTER TABLE {database}.incidents COMMENT COLUMN close_reason 'Empty while open; auto, met, breached, cancelled, retracted, quiet, erased or evicted';
