//! How the car moves: the controller's cycle, the doors and the drive, in steps of 20 ms.

use vigil_protocol::vocabulary::ServiceMode;

use super::{Lift, Phase, Trip};

const STEP_MS: u32 = 20;
const ACCELERATION: f64 = 0.7;
/// Deceleration when brake or safety gear stop the car, m/s².
const EMERGENCY_DECELERATION: f64 = 3.0;
const CREEP_SPEED: f64 = 0.25;
const DOOR_TRAVEL_MS: f64 = 2_500.0;
const DWELL_MS: i64 = 4_000;
/// Where a jammed door stops, as part of its travel.
const JAM_AT: f64 = 0.4;
/// The governor trips at 115 % of rated speed (EN 81-20 5.6.2.2.1).
const GOVERNOR_TRIP: f64 = 1.15;
/// The protection against unintended movement stops the car this far from the landing, m (EN 81-20: at most 1.2 m).
const UCM_STOP_M: f64 = 0.6;

impl Lift {
    /// Moves the lift by `dt_ms`.
    pub fn step(&mut self, dt_ms: u32) {
        let mut left = dt_ms;
        while left > 0 {
            let step = left.min(STEP_MS);
            self.small_step(i64::from(step));
            left -= step;
        }
    }

    fn small_step(&mut self, dt_ms: i64) {
        self.call(dt_ms);
        if self.halting() && !matches!(self.phase, Phase::Open { .. } | Phase::Opening | Phase::Closing) {
            self.phase = Phase::Halted;
        }
        if self.faults.brake_slip && self.slip(dt_ms) {
            return;
        }
        match self.phase {
            Phase::Parked => self.parked(),
            Phase::Opening => self.opening(dt_ms),
            Phase::Open { left_ms } => self.open(left_ms - dt_ms),
            Phase::Closing => self.closing(dt_ms),
            Phase::Running { target_m, creep } => self.running(target_m, creep, dt_ms),
            Phase::Halted => self.halted(dt_ms),
        }
    }

    /// Somebody may want to travel; armed faults that need a journey make one.
    fn call(&mut self, dt_ms: i64) {
        self.next_call_ms -= dt_ms;
        let armed = self.faults.entrapment.is_some() && !self.faults.stalled;
        if armed && self.phase == Phase::Parked && !self.boarded {
            // Whoever called before has to wait: these people get in here and now.
            self.trip = None;
        }
        if self.trip.is_some() || self.mode != ServiceMode::Normal {
            return;
        }
        let here = self.nearest_floor();
        let far = if here > self.top_floor() / 2 {
            0
        } else {
            self.top_floor()
        };
        let needs_riders = armed || self.faults.entrapment_at_level.is_some();
        let needs_run = self.faults.overspeed || self.faults.opens_while_running;
        if needs_riders || needs_run {
            // For an entrapment at a landing the people ride one floor: the story need not wait for the whole shaft.
            let to = match (self.faults.entrapment_at_level.is_some(), here) {
                (true, 0) => 1,
                (true, here) => here - 1,
                (false, _) => far,
            };
            self.trip = Some(Trip {
                from: here,
                to,
                passengers: 2,
            });
        } else if self.faults.brake_slip || self.faults.lock_bridged {
            // Both show at open doors: keep people coming and going.
            let to = if here == 0 { 1 } else { here - 1 };
            self.trip = Some(Trip {
                from: here,
                to,
                passengers: 1,
            });
        } else if self.next_call_ms <= 0 && !self.faults.no_traffic {
            let floors = u64::from(self.spec.floors);
            let from = self.rng.below(floors) as u8;
            // People ride a few floors, not the whole shaft: cars stay busy and stories short.
            let reach = 1 + self.rng.below(6) as u8;
            let to = if from >= reach {
                from - reach
            } else {
                from.saturating_add(reach).min(self.top_floor())
            };
            self.trip = Some(Trip {
                from,
                to,
                passengers: 1 + self.rng.below(4) as u32,
            });
            self.next_call_ms = self.rng.exponential_ms(self.spec.seconds_between_calls * 1000.0);
        }
        self.boarded = self.boarded && self.trip.is_some();
    }

    /// Whether something keeps the drive from running.
    fn halting(&self) -> bool {
        let faults = &self.faults;
        faults.stalled
            || faults.mains_loss
            || faults.overtravelled
            || !self.safety_circuit_closed()
            || self.mode == ServiceMode::OutOfService
    }

    fn parked(&mut self) {
        if self.mode == ServiceMode::Inspection {
            // The technician moves the car slowly between the first landings, doors closed.
            let target_m = if self.position_m < self.spec.floor_height_m {
                2.4 * self.spec.floor_height_m
            } else {
                0.0
            };
            self.depart(target_m, true);
            return;
        }
        if self.faults.overtravel_top || self.faults.overtravel_bottom {
            let target_m = if self.faults.overtravel_top {
                self.landing_m(self.top_floor()) + 0.4
            } else {
                -0.4
            };
            self.depart(target_m, false);
            return;
        }
        if !self.in_door_zone() {
            // Left between floors by a technician: the controller finds the nearest landing first.
            self.depart(self.landing_m(self.nearest_floor()), true);
            return;
        }
        let Some(trip) = self.trip else { return };
        if self.nearest_floor() == trip.from && !self.boarded {
            self.phase = Phase::Opening;
        } else {
            let target = if self.boarded { trip.to } else { trip.from };
            self.depart(self.landing_m(target), false);
        }
    }

    fn depart(&mut self, target_m: f64, creep: bool) {
        if self.door_locked() && !self.halting() {
            self.run_count += 1;
            self.phase = Phase::Running { target_m, creep };
        }
    }

    fn opening(&mut self, dt_ms: i64) {
        if self.faults.entrapment_at_level.is_some() && self.boarded && self.passengers > 0 {
            self.door_stuck_ms += dt_ms;
            return;
        }
        self.door_stuck_ms = 0;
        self.door = (self.door + dt_ms as f64 / DOOR_TRAVEL_MS).min(1.0);
        if self.door >= 1.0 {
            self.arrive();
            self.phase = Phase::Open { left_ms: DWELL_MS };
        }
    }

    /// Doors are open: people get out and in.
    fn arrive(&mut self) {
        match self.trip {
            Some(trip) if !self.boarded && self.nearest_floor() == trip.from => {
                self.passengers = trip.passengers;
                self.boarded = true;
            }
            _ => {
                self.passengers = 0;
                self.boarded = false;
                self.trip = None;
            }
        }
    }

    fn open(&mut self, left_ms: i64) {
        self.phase = if left_ms > 0 {
            Phase::Open { left_ms }
        } else {
            Phase::Closing
        };
    }

    fn closing(&mut self, dt_ms: i64) {
        let end = if self.faults.close_jam { JAM_AT } else { 0.0 };
        if self.faults.close_jam && self.door <= JAM_AT {
            self.door_stuck_ms += dt_ms;
            return;
        }
        self.door = (self.door - dt_ms as f64 / DOOR_TRAVEL_MS).max(end);
        if self.door_closed() {
            self.door_stuck_ms = 0;
            self.phase = Phase::Parked;
        }
    }

    fn running(&mut self, target_m: f64, creep: bool, dt_ms: i64) {
        let dt = dt_ms as f64 / 1000.0;
        self.run_ms += dt_ms.unsigned_abs();
        if self.faults.opens_while_running && self.speed.abs() > 0.5 {
            self.door = (self.door + dt_ms as f64 / DOOR_TRAVEL_MS).min(0.3);
            // The controller notices after the doors have parted, not before.
            self.faults.ran_with_open_door = self.door >= 0.3;
        }
        let to_go = target_m - self.position_m;
        let runaway = self.faults.overspeed && self.boarded;
        let ceiling = match (creep, runaway) {
            (true, _) => CREEP_SPEED,
            (false, true) => self.spec.rated_speed * 1.4,
            (false, false) => self.spec.rated_speed,
        };
        // The braking curve v² = 2as, unless nothing brakes.
        let wanted = if runaway {
            ceiling
        } else {
            (2.0 * ACCELERATION * to_go.abs()).sqrt().min(ceiling)
        };
        let wanted = wanted * to_go.signum();
        let change = (wanted - self.speed).clamp(-ACCELERATION * dt, ACCELERATION * dt);
        self.accelerating = if change.abs() < 1e-6 {
            0
        } else if change * self.speed >= 0.0 {
            1
        } else {
            -1
        };
        self.speed += change;
        self.position_m += self.speed * dt;
        if self.speed.abs() > self.spec.rated_speed * GOVERNOR_TRIP {
            self.faults.governor_tripped = true;
        }
        if self.upper_limit() || self.lower_limit() {
            self.faults.overtravelled = true;
        }
        if self.stalls_here(target_m) {
            self.faults.stalled = true;
        }
        if (target_m - self.position_m).abs() < 0.01 || (self.speed.abs() < 0.05 && to_go.abs() < 0.02) {
            self.land(target_m);
        }
    }

    /// A stall between floors: with people in the car, away from any landing, and not about to stop anyway.
    fn stalls_here(&self, target_m: f64) -> bool {
        let landing = self.landing_m(self.nearest_floor());
        self.faults.entrapment.is_some()
            && self.passengers > 0
            && (self.position_m - landing).abs() > 0.3 * self.spec.floor_height_m
            && (target_m - self.position_m).abs() > 0.5 * self.spec.floor_height_m
    }

    fn land(&mut self, target_m: f64) {
        self.position_m = target_m;
        self.speed = 0.0;
        self.accelerating = 0;
        self.phase = if self.mode == ServiceMode::Inspection || !self.in_door_zone() {
            Phase::Parked
        } else {
            Phase::Opening
        };
    }

    fn halted(&mut self, dt_ms: i64) {
        let dt = dt_ms as f64 / 1000.0;
        if self.speed.abs() > 0.0 {
            let change = (EMERGENCY_DECELERATION * dt).min(self.speed.abs());
            self.speed -= change * self.speed.signum();
            self.position_m += self.speed * dt;
            self.accelerating = -1;
            return;
        }
        self.accelerating = 0;
        let back_in_zone = self.upper_limit() || self.lower_limit();
        let cured = !self.faults.overtravel_top && !self.faults.overtravel_bottom;
        if back_in_zone && cured && !self.faults.governor_tripped && !self.faults.mains_loss {
            // The rescuer turns the machine by hand until the limit switch is free.
            let landing = self.landing_m(self.nearest_floor());
            self.position_m += (landing - self.position_m).clamp(-CREEP_SPEED * dt, CREEP_SPEED * dt);
            self.faults.overtravelled = false;
            return;
        }
        if self.halting() {
            return;
        }
        // Doors first, then creep to the nearest landing and let everybody out.
        self.door = (self.door - dt_ms as f64 / DOOR_TRAVEL_MS).max(0.0);
        if self.door_closed() {
            self.boarded = false;
            self.trip = None;
            self.phase = Phase::Running {
                target_m: self.landing_m(self.nearest_floor()),
                creep: true,
            };
        }
    }

    /// The brake does not hold: the car creeps off with open doors. Returns whether it moved.
    fn slip(&mut self, dt_ms: i64) -> bool {
        let at_open_doors = matches!(self.phase, Phase::Open { .. }) || self.speed.abs() > 0.0;
        if self.faults.slipped || !at_open_doors || self.door_closed() {
            return false;
        }
        let dt = dt_ms as f64 / 1000.0;
        let landing = self.landing_m(self.nearest_floor());
        let direction = if self.nearest_floor() == 0 { 1.0 } else { -1.0 };
        self.speed = (self.speed.abs() + 0.4 * dt).min(0.5) * direction;
        self.position_m += self.speed * dt;
        if (self.position_m - landing).abs() >= UCM_STOP_M {
            self.faults.slipped = true;
            self.phase = Phase::Halted;
        }
        true
    }
}
