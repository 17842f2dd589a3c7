/** The schema of the database, step by step. Step n brings `user_version` from n to n + 1; a step that was released never changes. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE part (
    sku TEXT PRIMARY KEY, name TEXT NOT NULL, fits TEXT NOT NULL, stock INTEGER NOT NULL CHECK (stock >= 0),
    lead_time_hours REAL NOT NULL, unit_cost REAL NOT NULL
  ) STRICT;
  CREATE TABLE technician (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, skills TEXT NOT NULL, site TEXT NOT NULL, shifts TEXT NOT NULL,
    cost_per_hour REAL NOT NULL
  ) STRICT;
  CREATE TABLE travel (
    from_site TEXT NOT NULL, to_site TEXT NOT NULL, minutes REAL NOT NULL, PRIMARY KEY (from_site, to_site)
  ) STRICT;
  CREATE TABLE booking (
    id INTEGER PRIMARY KEY, session_id TEXT NOT NULL, step_id TEXT NOT NULL, device_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('booked', 'released')), from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
    document TEXT NOT NULL, UNIQUE (session_id, step_id)
  ) STRICT;
  CREATE INDEX booking_device ON booking (device_id, to_ms);
  CREATE TABLE occupation (
    technician_id TEXT NOT NULL REFERENCES technician (id), booking_id INTEGER REFERENCES booking (id) ON DELETE CASCADE,
    from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL CHECK (to_ms > from_ms), site TEXT NOT NULL
  ) STRICT;
  CREATE INDEX occupation_technician ON occupation (technician_id, to_ms);
  CREATE TABLE reservation (
    booking_id INTEGER NOT NULL REFERENCES booking (id) ON DELETE CASCADE, sku TEXT NOT NULL REFERENCES part (sku),
    quantity INTEGER NOT NULL CHECK (quantity > 0)
  ) STRICT;
  CREATE INDEX reservation_sku ON reservation (sku);
  CREATE TRIGGER nobody_twice BEFORE INSERT ON occupation
  WHEN EXISTS (
    SELECT 1 FROM occupation o
    WHERE o.technician_id = NEW.technician_id AND o.from_ms < NEW.to_ms AND o.to_ms > NEW.from_ms
  )
  BEGIN SELECT RAISE(ABORT, 'the technician is taken at that time'); END;
  CREATE TRIGGER no_part_twice BEFORE INSERT ON reservation
  WHEN NEW.quantity + (SELECT coalesce(sum(quantity), 0) FROM reservation WHERE sku = NEW.sku)
    > (SELECT stock FROM part WHERE sku = NEW.sku)
  BEGIN SELECT RAISE(ABORT, 'the part is reserved already'); END;
  `,
];
