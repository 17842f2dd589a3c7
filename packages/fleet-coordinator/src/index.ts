export {
  COORDINATOR_ERROR_CODES,
  CoordinatorError,
  isCoordinatorError,
  type CoordinatorErrorCode,
} from './errors.ts';
export {
  neighbourhoodOf,
  readDeviceCard,
  type DeviceAgentCard,
  type Neighbour,
  type Neighbourhood,
} from './core/neighbours.ts';
export { judgeAnswer, type NeighbourAnswer, type Reply } from './core/judge-answer.ts';
export { blindSurvey, concludeSurvey, type Survey } from './core/survey.ts';
export {
  DEFAULT_PRODUCTION,
  downtimeByHour,
  type HourOfDowntime,
  type ProductionPlan,
} from './core/production.ts';
export { renderWorkOrder } from './core/render-html.ts';
export { buildWorkOrder, workOrderId, type OrderInput } from './core/work-order.ts';
export { surveyNeighbours, type SurveyContext, type SurveyOptions } from './io/survey-neighbours.ts';
export {
  bookSlot,
  composeOrder,
  remoteDesk,
  writeWorkOrder,
  type BookingDesk,
  type OrderRequest,
  type SlotRequest,
  type WrittenOrder,
} from './io/write-order.ts';
export {
  startFleetCoordinator,
  type FleetCoordinator,
  type FleetCoordinatorOptions,
} from './io/coordinator-agent.ts';
export { cancelWorkOrder, coordinateDowntime } from './skills.ts';
