export { isPlannerError, PLANNER_ERROR_CODES, PlannerError, type PlannerErrorCode } from './errors.ts';
export { DEFAULT_FAILURE_MODES, failureMode, type FailureMode } from './core/failure-modes.ts';
export type {
  FailureRisk,
  Job,
  Occupation,
  Part,
  PlanningProblem,
  Shift,
  Technician,
  Window,
} from './core/model.ts';
export { LIMITS } from './core/model.ts';
export { searchSlots, type Search, type Slot, type SlotCost } from './core/plan.ts';
export type { Crew, CrewMember } from './core/crew.ts';
export type { Journey } from './core/availability.ts';
export type { Supply, SupplyLine } from './core/supplies.ts';
export { DEFAULT_POLICY, type PlanningPolicy } from './core/policy.ts';
export {
  Booking,
  BookingKey,
  MaintenancePlan,
  MaintenanceRequest,
  Seed,
  type PlanCost,
} from './core/schemas.ts';
export type { MaintenanceStore, StockData, StoreTransaction } from './core/store.ts';
export { createDesk, type DeskOptions, type MaintenanceDesk } from './io/desk.ts';
export { openSqliteStore, type SqliteStoreOptions } from './io/sqlite-store.ts';
export {
  startMaintenancePlanner,
  type MaintenancePlanner,
  type MaintenancePlannerOptions,
} from './io/planner-agent.ts';
export { bookMaintenance, listMaintenance, proposeMaintenance, releaseMaintenance } from './skills.ts';
