export {
  SPAWNER_CASES,
  type SpawnerCase,
  type SpawnerPlace,
  type SpawnerUnderTest,
} from './spawner-contract.ts';
