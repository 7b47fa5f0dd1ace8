-- Evidence of messages that are not Sparkplug's says so, as the log does.
ALTER TABLE hazard_evidence_messages ADD COLUMN source INTEGER NOT NULL DEFAULT 0;  -- 0 Sparkplug B, 1 JSON, 2 Modbus
