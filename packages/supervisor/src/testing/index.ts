export { contractWork } from './contract-work.ts';
export { looksAtItself } from './look-at-itself.ts';
export {
  SPAWNER_CASES,
  type SpawnerCase,
  type SpawnerPlace,
  type SpawnerUnderTest,
} from './spawner-contract.ts';
export { stepOrder } from './step-order.ts';
