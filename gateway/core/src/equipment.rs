//! State of one piece of equipment: latest values, rules, alarms, hazards.
